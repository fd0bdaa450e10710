declare const ipBrand: unique symbol;

/**
 * An IP address as canonical text: dotted decimal, or RFC 5952 (lower case, longest run of zeros
 * shortened). Being text it is a map key, compares with `===` and goes into an API object as it is.
 */
export type Ip = string & { readonly [ipBrand]: true };

export type IpFamily = 4 | 6;

/**
 * Reads an address as strictly as Kubernetes' IP validation does: four decimal parts without leading
 * zeros, or RFC 4291 text (also `::ffff:192.0.2.1`) without a zone. Undefined when it is neither.
 */
export function parseIp(text: string): Ip | undefined {
  const bytes = parseIpBytes(text);
  return bytes === undefined ? undefined : bytesToIp(bytes);
}

/** As `parseIp()`, for text that a program wrote: throws a `TypeError` that quotes what is no address. */
export function ip(text: string): Ip {
  const parsed = parseIp(text);
  if (parsed === undefined) throw new TypeError(`${JSON.stringify(text)} is not an IP address`);
  return parsed;
}

/** Whether the text is an address in its canonical form, the only one new API objects should carry. */
export function isCanonicalIp(text: string): boolean {
  return parseIp(text) === text;
}

/** 4 or 6; does not check the rest of the address. */
export function ipFamily(address: string): IpFamily {
  return address.includes(':') ? 6 : 4;
}

/** 4 or 16 bytes in network order; throws a `TypeError` when the text is no address. */
export function ipToBytes(address: string): Uint8Array {
  const bytes = parseIpBytes(address);
  if (bytes === undefined) throw new TypeError(`${JSON.stringify(address)} is not an IP address`);
  return bytes;
}

/** Canonical text of 4 or 16 bytes; throws a `RangeError` for any other length. */
export function bytesToIp(bytes: Uint8Array): Ip {
  if (bytes.length === 4) return `${bytes[0]}.${bytes[1]}.${bytes[2]}.${bytes[3]}` as Ip;
  if (bytes.length === 16) return formatIpv6(bytes) as Ip;
  throw new RangeError(`an IP address has 4 or 16 bytes, not ${bytes.length}`);
}

/** The canonical text of an address or of its bytes. */
export function formatIp(address: string | Uint8Array): Ip {
  return typeof address === 'string' ? ip(address) : bytesToIp(address);
}

export function ipToBigInt(address: string): bigint {
  return bytesToBigInt(ipToBytes(address));
}

/** Throws a `RangeError` when the number does not fit the family. */
export function bigIntToIp(value: bigint, family: IpFamily): Ip {
  return bytesToIp(bigIntToBytes(value, family));
}

/** Orders IPv4 before IPv6, then by value: for `Array.sort()`. */
export function compareIps(a: string, b: string): number {
  const left = ipToBytes(a);
  const right = ipToBytes(b);
  if (left.length !== right.length) return left.length - right.length;
  for (let i = 0; i < left.length; i++) {
    const difference = (left[i] ?? 0) - (right[i] ?? 0);
    if (difference !== 0) return difference;
  }
  return 0;
}

/** 127.0.0.0/8, ::1 and the IPv4-mapped form of the former. */
export function isLoopbackIp(address: string): boolean {
  const bytes = ipToBytes(address);
  if (bytes.length === 4) return bytes[0] === 127;
  const mapped = ipv4Mapped(bytes);
  return mapped === undefined ? bytesToBigInt(bytes) === 1n : mapped[0] === 127;
}

/** 0.0.0.0 and ::. */
export function isUnspecifiedIp(address: string): boolean {
  return ipToBytes(address).every((byte) => byte === 0);
}

/** 169.254.0.0/16 and fe80::/10. */
export function isLinkLocalIp(address: string): boolean {
  const bytes = ipToBytes(address);
  if (bytes.length === 4) return bytes[0] === 169 && bytes[1] === 254;
  return bytes[0] === 0xfe && ((bytes[1] ?? 0) & 0xc0) === 0x80;
}

/** 224.0.0.0/4 and ff00::/8. */
export function isMulticastIp(address: string): boolean {
  const bytes = ipToBytes(address);
  return bytes.length === 4 ? ((bytes[0] ?? 0) & 0xf0) === 0xe0 : bytes[0] === 0xff;
}

/**
 * The IPv4 address inside `::ffff:a.b.c.d`, else the address itself: what a dual-stack socket calls an
 * IPv4 client.
 */
export function unmapIp(address: string): Ip {
  const bytes = ipToBytes(address);
  return bytesToIp(ipv4Mapped(bytes) ?? bytes);
}

/** `host:port` with IPv6 in brackets. */
export function formatAddressPort(address: string, port: number): string {
  return ipFamily(address) === 6 ? `[${address}]:${port}` : `${address}:${port}`;
}

/** Reads `192.0.2.1:80` or `[2001:db8::1]:80`; undefined when it is neither. */
export function parseAddressPort(text: string): { address: Ip; port: number } | undefined {
  const match = /^(?:\[([^\]]+)\]|([^:]+)):(\d{1,5})$/.exec(text);
  if (match === null) return undefined;
  const address = parseIp(match[1] ?? match[2] ?? '');
  const port = Number(match[3]);
  if (address === undefined || port > 65_535) return undefined;
  if ((ipFamily(address) === 6) !== (match[1] !== undefined)) return undefined;
  return { address, port };
}

export function bytesToBigInt(bytes: Uint8Array): bigint {
  let value = 0n;
  for (const byte of bytes) value = (value << 8n) | BigInt(byte);
  return value;
}

export function bigIntToBytes(value: bigint, family: IpFamily): Uint8Array {
  const length = family === 4 ? 4 : 16;
  if (value < 0n || value >= 1n << BigInt(length * 8)) {
    throw new RangeError(`${value} is outside the IPv${family} address space`);
  }
  const bytes = new Uint8Array(length);
  for (let i = length - 1, rest = value; i >= 0; i--, rest >>= 8n) bytes[i] = Number(rest & 0xffn);
  return bytes;
}

/** As `parseIp()`, but gives the 4 or 16 bytes: for those who need no text. */
export function parseIpBytes(text: string): Uint8Array | undefined {
  return text.includes(':') ? parseIpv6(text) : parseIpv4(text);
}

function parseIpv4(text: string): Uint8Array | undefined {
  if (text.length < 7 || text.length > 15) return undefined;
  const bytes = new Uint8Array(4);
  let part = 0;
  let value = -1;
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i);
    if (code === 46) {
      if (value < 0 || part === 3) return undefined;
      bytes[part++] = value;
      value = -1;
    } else if (code >= 48 && code <= 57) {
      if (value === 0) return undefined;
      value = (value < 0 ? 0 : value * 10) + code - 48;
      if (value > 255) return undefined;
    } else return undefined;
  }
  if (value < 0 || part !== 3) return undefined;
  bytes[3] = value;
  return bytes;
}

function parseIpv6(text: string): Uint8Array | undefined {
  if (text.length < 2 || text.length > 45) return undefined;
  const halves = text.split('::');
  if (halves.length > 2) return undefined;
  const head = parseGroups(halves[0] ?? '', halves.length === 1);
  const tail = halves.length === 2 ? parseGroups(halves[1] ?? '', true) : [];
  if (head === undefined || tail === undefined) return undefined;
  const length = head.length + tail.length;
  if (halves.length === 1 ? length !== 16 : length > 14) return undefined;
  const bytes = new Uint8Array(16);
  bytes.set(head);
  bytes.set(tail, 16 - tail.length);
  return bytes;
}

/** The bytes of colon-separated groups; only the end of the address may be dotted decimal. */
function parseGroups(text: string, isEnd: boolean): number[] | undefined {
  if (text === '') return [];
  const bytes: number[] = [];
  const groups = text.split(':');
  for (const [i, group] of groups.entries()) {
    if (isEnd && i === groups.length - 1 && group.includes('.')) {
      const v4 = parseIpv4(group);
      if (v4 === undefined) return undefined;
      bytes.push(...v4);
    } else {
      if (!/^[0-9a-fA-F]{1,4}$/.test(group)) return undefined;
      const value = Number.parseInt(group, 16);
      bytes.push(value >> 8, value & 0xff);
    }
  }
  return bytes;
}

function formatIpv6(bytes: Uint8Array): string {
  const mapped = ipv4Mapped(bytes);
  if (mapped !== undefined) return `::ffff:${bytesToIp(mapped)}`;
  const groups = Array.from({ length: 8 }, (_, i) => ((bytes[i * 2] ?? 0) << 8) | (bytes[i * 2 + 1] ?? 0));
  const run = longestZeroRun(groups);
  const text = (part: number[]): string => part.map((group) => group.toString(16)).join(':');
  if (run.length < 2) return text(groups);
  return `${text(groups.slice(0, run.start))}::${text(groups.slice(run.start + run.length))}`;
}

function longestZeroRun(groups: number[]): { start: number; length: number } {
  let best = { start: 0, length: 0 };
  for (let start = 0; start < groups.length; start++) {
    let length = 0;
    while (groups[start + length] === 0) length++;
    if (length > best.length) best = { start, length };
    start += length;
  }
  return best;
}

function ipv4Mapped(bytes: Uint8Array): Uint8Array | undefined {
  if (bytes.length !== 16 || bytes[10] !== 0xff || bytes[11] !== 0xff) return undefined;
  for (let i = 0; i < 10; i++) if (bytes[i] !== 0) return undefined;
  return bytes.subarray(12);
}
