import { readFileSync } from 'node:fs';
import type { ListenAddress } from './config.ts';
import type { ServerPlan } from './generation.ts';
import type { StreamTimeouts, TlsFiles } from './plugin.ts';
import { type StreamOptions, serveTcp } from './serve-tcp.ts';
import type { ServerTls } from './serve-tls.ts';
import { serveUdp } from './serve-udp.ts';
import { isFamilyMissing, type Listener, type QueryService, type UdpShare } from './transport.ts';

const MAX_PORT_TRIES = 10;

/** The open sockets of a server. */
export interface Listening extends AsyncDisposable {
  readonly addresses: readonly ListenAddress[];
  /** Of its sockets over UDP. */
  readonly shares: readonly UdpShare[];
}

/** Opens what a server listens on: each address, over each transport of its scheme. */
export async function listenFor(plan: ServerPlan, service: QueryService): Promise<Listening> {
  await using stack = new AsyncDisposableStack();
  const wanted = plan.address === undefined ? ['0.0.0.0', '::'] : [plan.address];
  const listeners: Pick<Listener, 'address' | 'share'>[] = [];
  for (const address of wanted) {
    try {
      listeners.push(await listenOne(plan, { address, port: plan.port }, service, stack));
    } catch (error) {
      // One of two wildcards may be of a family that the machine lacks.
      if (!(wanted.length > 1 && address === '::' && isFamilyMissing(error))) throw error;
    }
  }
  const owned = stack.move();
  return {
    addresses: listeners.map(({ address }) => address),
    shares: listeners.flatMap(({ share }) => share ?? []),
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  };
}

async function listenOne(
  { scheme, settings }: ServerPlan,
  listen: ListenAddress,
  service: QueryService,
  stack: AsyncDisposableStack,
): Promise<Pick<Listener, 'address' | 'share'>> {
  const keep = (listener: Listener): Listener => stack.use(listener);
  const options = streamOptions(settings.timeouts);
  switch (scheme) {
    case 'dns':
      return listenBoth(listen, service, options, stack);
    case 'tls': {
      const { serveTls } = await import('./serve-tls.ts');
      return keep(await serveTls(listen, service, tlsOptions(settings.tls), options));
    }
    case 'https':
    default: {
      const { serveHttps } = await import('./serve-https.ts');
      const tls = settings.tls === undefined ? undefined : tlsOptions(settings.tls);
      return keep(await serveHttps(listen, service, tls, options));
    }
  }
}

/** UDP and TCP on one port. One that the system chose may be free over UDP only; then another one is. */
async function listenBoth(
  listen: ListenAddress,
  service: QueryService,
  options: StreamOptions,
  stack: AsyncDisposableStack,
): Promise<Pick<Listener, 'address' | 'share'>> {
  for (let tries = listen.port === 0 ? MAX_PORT_TRIES : 1; ; tries--) {
    const udp = await serveUdp(listen, service);
    try {
      const tcp = await serveTcp({ ...listen, port: udp.address.port }, service, options);
      stack.use(tcp);
      return stack.use(udp);
    } catch (error) {
      await udp[Symbol.asyncDispose]();
      if (tries <= 1) throw error;
    }
  }
}

function streamOptions({ readMs, writeMs, idleMs }: StreamTimeouts = {}): StreamOptions {
  return {
    limits: {
      ...(readMs !== undefined && { readMs }),
      ...(writeMs !== undefined && { writeMs }),
      ...(idleMs !== undefined && { idleMs }),
    },
  };
}

function tlsOptions(files: TlsFiles | undefined): ServerTls {
  if (files === undefined) throw new Error('tls:// needs the plugin tls with a certificate and its key');
  const { certificate, key, clientCa, clientAuth, keyLog } = files;
  return {
    cert: readFileSync(certificate),
    key: readFileSync(key),
    ...(clientCa !== undefined && { ca: readFileSync(clientCa) }),
    clientAuth,
    keyLog,
  };
}
