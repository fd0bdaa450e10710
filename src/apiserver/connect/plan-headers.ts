/** Which headers travel through a proxy. */
import { HOP_BY_HOP } from '#lib/hop-by-hop.ts';

/** The credentials are for the API server, nobody else. */
const CREDENTIALS = ['authorization', 'impersonate-'];
const TOKEN_PROTOCOL = 'base64url.bearer.authorization.k8s.io.';

/** Name, value, name, value …, as node:http has it in `rawHeaders`. */
export type RawHeaders = readonly string[];

/** Names and values that go on, in their order; what the Connection header names stays. */
export function forwardedHeaders(raw: RawHeaders): [name: string, value: string][] {
  const pairs = pairsOf(raw);
  const named = pairs
    .filter(([name]) => name.toLowerCase() === 'connection')
    .flatMap(([, value]) => value.split(',').map((token) => token.trim().toLowerCase()));
  return pairs.filter(([name]) => {
    const lower = name.toLowerCase();
    return !HOP_BY_HOP.has(lower) && !named.includes(lower) && !isCredential(lower);
  });
}

/** As forwardedHeaders(), and the two that ask for the upgrade. */
export function upgradeHeaders(raw: RawHeaders): [name: string, value: string][] {
  const protocol = pairsOf(raw).find(([name]) => name.toLowerCase() === 'upgrade')?.[1] ?? '';
  const others = forwardedHeaders(raw).map(([name, value]): [string, string] => [
    name,
    name.toLowerCase() === 'sec-websocket-protocol' ? withoutToken(value) : value,
  ]);
  return [...others, ['Connection', 'Upgrade'], ['Upgrade', protocol]];
}

function withoutToken(protocols: string): string {
  return protocols
    .split(',')
    .map((name) => name.trim())
    .filter((name) => !name.startsWith(TOKEN_PROTOCOL))
    .join(', ');
}

function isCredential(name: string): boolean {
  return CREDENTIALS.some((prefix) => name === prefix || (prefix.endsWith('-') && name.startsWith(prefix)));
}

function pairsOf(raw: RawHeaders): [string, string][] {
  const pairs: [string, string][] = [];
  for (let index = 0; index + 1 < raw.length; index += 2) {
    pairs.push([raw[index] ?? '', raw[index + 1] ?? '']);
  }
  return pairs;
}
