import { enableCompileCache, flushCompileCache } from 'node:module';
import { parentPort, workerData } from 'node:worker_threads';
import { useLedger } from '#os/fd-ledger.ts';
import { type Caller, type Calls, type Handlers, joinThreads } from './calls.ts';
import type { ThreadData } from './thread.ts';

/** Calls that every thread answers besides its own. */
export type ThreadCalls = {
  /** Keeps compiled code for the next start. */
  flushCompileCache(input: undefined): void;
};

/** What a thread answers besides `ThreadCalls`. */
export type OwnHandlers<C extends ThreadCalls> = Handlers<Omit<C, keyof ThreadCalls>>;

/** What a thread of the cluster does first: records its descriptors, then answers the supervisor. */
export function joinSupervisor<Config, Theirs extends Calls = Calls>(
  handlers: (config: Config) => Calls,
): { readonly config: Config; readonly supervisor: Caller<Theirs> } {
  if (parentPort === null) throw new Error('this file is a thread of portolan up, not a program');
  const { ledger, config } = workerData as ThreadData<Config>;
  useLedger(ledger);
  enableCompileCache(process.env['NODE_COMPILE_CACHE']);
  const common = { flushCompileCache: () => flushCompileCache() } satisfies Calls;
  return { config, supervisor: joinThreads<Theirs>(parentPort, { ...common, ...handlers(config) }) };
}
