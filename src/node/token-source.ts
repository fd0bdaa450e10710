/** Service account tokens for a pod's projected volumes, renewed before they expire. */
import type { Pod } from '#api/core/v1.gen.ts';
import type { ApiClient } from '#kube/client.ts';

interface Token {
  value: string;
  issuedMs: number;
  expiresMs: number;
}

/** Renewed after this part of its life, and after a day at the latest, as kubelet does. */
const RENEW_AT = 0.8;
const RENEW_MS = 24 * 3600 * 1000;
const DEFAULT_SECONDS = 3600;

export class TokenSource {
  readonly #client: ApiClient;
  readonly #tokens = new Map<string, Token>();

  constructor(client: ApiClient) {
    this.#client = client;
  }

  /** The token last issued for the audience. */
  current(audience: string): string | undefined {
    return this.#tokens.get(audience)?.value;
  }

  /** Gets a token if there is none or it is due. */
  async refresh(
    pod: Pod,
    audience: string,
    expirationSeconds: number | undefined,
    signal: AbortSignal,
  ): Promise<void> {
    const known = this.#tokens.get(audience);
    if (known !== undefined && Date.now() < renewalMs(known)) return;
    const { namespace = '', name = '', uid = '' } = pod.metadata ?? {};
    const request = await this.#client.createToken(
      { namespace, name: pod.spec?.serviceAccountName ?? 'default' },
      {
        audiences: audience === '' ? [] : [audience],
        expirationSeconds: expirationSeconds ?? DEFAULT_SECONDS,
        boundObjectRef: { kind: 'Pod', apiVersion: 'v1', name, uid },
      },
      { signal },
    );
    const { token = '', expirationTimestamp } = request.status ?? {};
    const expiresMs = Date.parse(expirationTimestamp ?? '') || Date.now() + DEFAULT_SECONDS * 1000;
    this.#tokens.set(audience, { value: token, issuedMs: Date.now(), expiresMs });
  }

  /** When the next renewal is due, in ms since 1970; undefined without tokens. */
  nextRenewalMs(): number | undefined {
    const due = [...this.#tokens.values()].map(renewalMs);
    return due.length === 0 ? undefined : Math.min(...due);
  }
}

const renewalMs = ({ issuedMs, expiresMs }: Token): number =>
  issuedMs + Math.min((expiresMs - issuedMs) * RENEW_AT, RENEW_MS);
