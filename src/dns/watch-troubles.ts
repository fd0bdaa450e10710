import { ConnectionError, StatusError } from '#kube/errors.ts';
import type { SetupContext } from './plugin.ts';

/** One kind that is followed. */
export interface FollowedKind {
  /** Such as `endpointslices.discovery.k8s.io`. */
  readonly name: string;
  /** When the server was last heard on it, in ms since 1970; 0: never. */
  readonly lastContactMs: number;
}

const LOOK_MS = 1000;
const REMIND_MS = 5 * 60_000;

/**
 * Tells the log of failures to follow the API server: each reason once for as long as the trouble lasts, however
 * often it is tried again, then every five minutes; and of its end.
 */
export class WatchTroubles implements Disposable {
  readonly #log: SetupContext['log'];
  /** When each kind failed last. */
  readonly #failedMs = new Map<FollowedKind, number>();
  readonly #toldMs = new Map<string, number>();
  #sinceMs = 0;
  #timer: NodeJS.Timeout | undefined;

  constructor(log: SetupContext['log']) {
    this.#log = log;
  }

  failed(kind: FollowedKind, error: Error): void {
    const now = Date.now();
    if (this.#timer === undefined) {
      this.#sinceMs = now;
      this.#timer = setInterval(() => this.#look(), LOOK_MS).unref();
    }
    this.#failedMs.set(kind, now);
    const reason = reasonOf(kind, error);
    if (now - (this.#toldMs.get(reason) ?? Number.NEGATIVE_INFINITY) < REMIND_MS) return;
    const again = this.#toldMs.has(reason) ? ` (for ${seconds(now - this.#sinceMs)})` : '';
    this.#toldMs.set(reason, now);
    this.#log(`${reason}${again}; it is tried until it works`, 'ERROR');
  }

  #look(): void {
    const inTrouble = [...this.#failedMs].some(([kind, failedMs]) => kind.lastContactMs <= failedMs);
    if (inTrouble) return;
    this.#log(`the API server is followed again, after ${seconds(Date.now() - this.#sinceMs)}`, 'INFO');
    this[Symbol.dispose]();
  }

  [Symbol.dispose](): void {
    clearInterval(this.#timer);
    this.#timer = undefined;
    this.#failedMs.clear();
    this.#toldMs.clear();
  }
}

/** The same text for the same trouble: no parameters of the request, no kind where all are concerned. */
function reasonOf({ name }: FollowedKind, error: Error): string {
  if (error instanceof ConnectionError) {
    const [, server = 'the API server'] = /^\w+ (https?:\/\/[^/\s]+)/.exec(error.message) ?? [];
    // Node adds advice for its own command line.
    const [why] = (error.cause instanceof Error ? error.cause.message : error.message).split(';');
    return `the API server ${server} cannot be reached: ${why}`;
  }
  if (!(error instanceof StatusError)) return `${name} cannot be followed: ${error.message}`;
  if (error.code === 401) return `the API server does not accept the credentials: ${error.message} (401)`;
  if (error.code === 403)
    return `${name} cannot be followed: ${error.message} (403); the account needs list and watch`;
  return `${name} cannot be followed: ${error.message} (${error.code})`;
}

function seconds(ms: number): string {
  return `${Math.round(ms / 1000)} s`;
}
