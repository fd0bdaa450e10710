/** What the contents of an EDNS option have to be like, by its code, as far as their RFCs say. */
const SHAPES: ReadonlyMap<number, (bytes: Uint8Array, offset: number, length: number) => boolean> = new Map([
  // Long-lived queries (RFC 8764 §3.2) and leases (RFC 9664 §4).
  [1, (_, __, length) => length >= 18],
  [2, (_, __, length) => length === 4 || length === 8],
  [8, isSubnet],
  // Expire (RFC 7314 §2), keepalive (RFC 7828 §3.1), extended errors (RFC 8914 §2).
  [9, (_, __, length) => length === 0 || length === 4],
  [11, (_, __, length) => length === 0 || length === 2],
  [15, (_, __, length) => length >= 2],
]);
const MAX_SHAPED = 15;
const SHAPED = Uint8Array.from({ length: MAX_SHAPED + 1 }, (_, code) => Number(SHAPES.has(code)));

/** Whether contents of the option are looked at. */
export function isShaped(code: number): boolean {
  return code <= MAX_SHAPED && SHAPED[code] === 1;
}

export function isValidOption(code: number, bytes: Uint8Array, offset: number, length: number): boolean {
  return SHAPES.get(code)?.(bytes, offset, length) ?? true;
}

/** Family, source prefix, scope prefix, address (RFC 7871 §6). */
function isSubnet(bytes: Uint8Array, offset: number, length: number): boolean {
  if (length < 4) return false;
  const family = ((bytes[offset] ?? 0) << 8) | (bytes[offset + 1] ?? 0);
  const [source = 0, scope = 0] = bytes.subarray(offset + 2, offset + 4);
  if (family === 0) return source === 0;
  const bits = family === 1 ? 32 : family === 2 ? 128 : -1;
  return source <= bits && scope <= bits;
}
