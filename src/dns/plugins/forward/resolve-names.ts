import { lookup, Resolver } from 'node:dns/promises';
import type { UpstreamAddress } from './upstream-address.ts';

const TIMEOUT_MS = 2000;
const TRIES = 2;

/**
 * The servers with an address for each name, in order. Names are looked up by `resolvers` (ADDRESS or ADDRESS:PORT), else
 * as the machine does. Rejects with an `Error` that says which name has no address.
 */
export async function resolveNames(
  upstreams: readonly UpstreamAddress[],
  resolvers: readonly string[],
  signal: AbortSignal,
): Promise<readonly UpstreamAddress[]> {
  const found = upstreams.map(async (upstream) => {
    if (upstream.isName !== true) return [upstream];
    const addresses = await addressesOf(upstream.address, resolvers, signal);
    return addresses.map((address): UpstreamAddress => ({ ...upstream, address, isName: false }));
  });
  return (await Promise.all(found)).flat();
}

async function addressesOf(
  name: string,
  resolvers: readonly string[],
  signal: AbortSignal,
): Promise<string[]> {
  try {
    const addresses = resolvers.length === 0 ? await ask(name) : await askThem(name, resolvers, signal);
    if (addresses.length > 0) return addresses;
  } catch (cause) {
    throw new Error(`${name} has no address (${(cause as NodeJS.ErrnoException).code})`, { cause });
  }
  throw new Error(`${name} has no address`);
}

async function ask(name: string): Promise<string[]> {
  return (await lookup(name, { all: true })).map(({ address }) => address);
}

/** One family without an address is no failure. */
async function askThem(name: string, resolvers: readonly string[], signal: AbortSignal): Promise<string[]> {
  const resolver = new Resolver({ timeout: TIMEOUT_MS, tries: TRIES });
  resolver.setServers(resolvers);
  const cancel = (): void => resolver.cancel();
  signal.addEventListener('abort', cancel);
  try {
    const both = await Promise.allSettled([resolver.resolve4(name), resolver.resolve6(name)]);
    const addresses = both.flatMap((result) => (result.status === 'fulfilled' ? result.value : []));
    const [failed] = both;
    if (addresses.length === 0 && failed.status === 'rejected') throw failed.reason;
    return addresses;
  } finally {
    signal.removeEventListener('abort', cancel);
  }
}
