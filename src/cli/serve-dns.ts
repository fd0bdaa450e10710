import { setFlagsFromString } from 'node:v8';
import type { CorefileSource } from '#dns/corefile-source.ts';
import { PodEvents } from '#dns/pod-events.ts';
import { type DnsServer, startDnsServer } from '#dns/server.ts';
import { ApiClient, type ClientConfig } from '#kube/client.ts';
import { KubeconfigError, loadConfig } from '#kube/kubeconfig.ts';
import { CommandError, type CommandIo, untilStopped } from './command.ts';

export interface ServeDnsOptions {
  readonly source: CorefileSource;
  readonly kubeconfig?: string | undefined;
  readonly log: (message: string) => void;
  /** Runs when queries are answered. */
  readonly serving?: ((server: DnsServer) => void) | undefined;
  /** Runs when it is to stop, while queries are still answered. */
  readonly stopping?: (() => void) | undefined;
}

/** Serves until `io.signal`; SIGUSR1 reads the configuration again. Throws `CommandError` when it cannot start. */
export async function serveDns(options: ServeDnsOptions, io: CommandIo): Promise<void> {
  const { source, kubeconfig, log } = options;
  // Answering allocates next to nothing: room for young objects would only be memory that the first lists leave behind.
  setFlagsFromString('--semi-space-growth-factor=1');
  await using stack = new AsyncDisposableStack();
  const apiClient = shared(async (onResponse?: ClientConfig['onResponse']) => {
    const config = await loadConfig({ path: kubeconfig, env: { ...io.env } }).catch(explainAccess);
    return stack.use(new ApiClient({ ...config, onResponse }));
  });
  let serving: DnsServer | undefined;
  const reload = (): void => {
    if (serving === undefined) log('the Corefile is being read already');
    else
      void serving.reload().then(
        () => log('the Corefile was read again'),
        (error: Error) => log(`the old Corefile stays in force: ${error.message}`),
      );
  };
  process.on('SIGUSR1', reload);
  stack.defer(() => void process.off('SIGUSR1', reload));
  const { signal } = io;
  const events = new PodEvents({ client: () => apiClient(), signal });
  const server = await startDnsServer({
    ...source,
    apiClient,
    log,
    signal,
    onReloadFailed: ({ message }) => void events.warn('ReloadFailed', message),
  }).catch((error: Error) => {
    if (!signal.aborted) explain(error);
  });
  if (server === undefined) return log('stopped before it served');
  serving = stack.use(server);
  options.serving?.(server);
  const listening = server.addresses.map(({ address, port }) => `${address} port ${port}`).join(', ');
  log(`serving on ${listening}`);
  await untilStopped(io);
  log('stopping');
  options.stopping?.();
  await server.stop();
}

/** Made once, when first wanted; tried again after a failure. */
function shared<A, T>(make: (argument?: A) => Promise<T>): (argument?: A) => Promise<T> {
  let made: Promise<T> | undefined;
  const forget = (error: Error): never => {
    made = undefined;
    throw error;
  };
  return (argument) => (made ??= make(argument).catch(forget));
}

/** Nobody has said where the API server is: a missing file is not what is wrong. */
function explainAccess(error: Error): never {
  const { code } = (error.cause ?? {}) as NodeJS.ErrnoException;
  if (!(error instanceof KubeconfigError) || code !== 'ENOENT') throw error;
  throw new Error(
    `there is no API server to ask: ${error.message}; --kubeconfig, $KUBECONFIG, or endpoint or kubeconfig of the plugin say where it is, in a pod its service account does`,
    { cause: error },
  );
}

/** What went wrong is in the message: a line of the Corefile, no kubeconfig, a port that is taken. */
function explain(error: Error): never {
  throw new CommandError(error.message, { cause: error });
}
