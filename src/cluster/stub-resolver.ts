import { randomInt } from 'node:crypto';
import { bindUdp } from '#os/socket.ts';
import {
  CLASS_IN,
  type DnsMessage,
  decodeMessage,
  encodeQuery,
  HeaderFlag,
  parseName,
  RecordType,
} from '#wire/dns.ts';
import { adoptUdp } from './adopt-udp.ts';

const TIMEOUT_MS = 1000;
const ATTEMPTS = 2;
const DNS_PORT = 53;

export interface StubResolverOptions {
  readonly servers: readonly string[];
  /** Ask from this network namespace; from this thread's own by default. */
  readonly netns?: number | undefined;
  readonly timeoutMs?: number;
  /** How often every server is asked at most; 2 by default. */
  readonly attempts?: number;
}

/** The addresses of a name, asked for in full; empty when there is none. Throws an Error when no server answers. */
export async function resolveAddresses(name: string, options: StubResolverOptions): Promise<string[]> {
  const wanted = options.servers.some((server) => !server.includes(':')) ? ['A', 'AAAA'] : ['AAAA', 'A'];
  const answers = await Promise.all(
    wanted.map((type) => ask(name, RecordType[type as 'A' | 'AAAA'], options)),
  );
  return answers.flatMap(addressesIn);
}

async function ask(name: string, type: number, options: StubResolverOptions): Promise<DnsMessage> {
  let failure: unknown;
  for (let attempt = 0; attempt < (options.attempts ?? ATTEMPTS); attempt++) {
    for (const server of options.servers) {
      try {
        return await exchange(name, type, server, options);
      } catch (error) {
        failure = error;
      }
    }
  }
  throw new Error(`no DNS server answers for ${name}: ${(failure as Error | undefined)?.message}`, {
    cause: failure,
  });
}

function exchange(
  name: string,
  type: number,
  server: string,
  { netns, timeoutMs = TIMEOUT_MS }: StubResolverOptions,
): Promise<DnsMessage> {
  const id = randomInt(0x10000);
  const parsed = parseName(name);
  if (parsed === undefined) return Promise.reject(new Error(`${JSON.stringify(name)} is no DNS name`));
  const query = encodeQuery(id, { name: parsed, type, class: CLASS_IN }, HeaderFlag.RD);
  const family = server.includes(':') ? 6 : 4;
  const socket = adoptUdp(bindUdp({ address: family === 6 ? '::' : '0.0.0.0', port: 0, netns }), family);
  const { promise, resolve, reject } = Promise.withResolvers<DnsMessage>();
  const timer = setTimeout(() => reject(new Error(`${server} does not answer`)), timeoutMs);
  socket.on('error', reject);
  socket.on('message', (bytes) => {
    try {
      const message = decodeMessage(bytes);
      if (message.id === id) resolve(message);
    } catch (error) {
      reject(error);
    }
  });
  // Not as connect()'s callback: that one is called when it fails, too.
  socket.once('connect', () => socket.send(query));
  socket.connect(DNS_PORT, server);
  return promise.finally(() => {
    clearTimeout(timer);
    socket.removeAllListeners().close();
  });
}

function addressesIn({ answers }: DnsMessage): string[] {
  return answers.flatMap(({ data }) => (data.kind === 'address' ? [data.address] : []));
}
