import { type Ip, parseIp } from '#lib/ip.ts';
import { nameKey, parseName } from '#wire/dns.ts';

/** Weights of addresses by `nameKey()` of the name that has them. */
export type Weights = ReadonlyMap<string, ReadonlyMap<Ip, number>>;

/** Reads names, each on a line of its own, followed by lines of `ADDRESS WEIGHT`. Throws an `Error` with the line. */
export function parseWeights(text: string): Weights {
  const weights = new Map<string, Map<Ip, number>>();
  let current: Map<Ip, number> | undefined;
  for (const [i, line] of text.split('\n').entries()) {
    const words = line.replace(/#.*/, '').trim().split(/\s+/);
    const [first = '', second, ...more] = words;
    if (first === '') continue;
    if (second === undefined) {
      const name = parseName(first);
      if (name === undefined) throw new Error(`line ${i + 1}: ${first} is no domain name`);
      current = new Map();
      weights.set(nameKey(name), current);
      continue;
    }
    const address = parseIp(first);
    const weight = Number(second);
    const isWeight = Number.isInteger(weight) && weight >= 1 && weight <= 255;
    if (address === undefined || !isWeight || more.length > 0)
      throw new Error(`line ${i + 1}: ${line.trim()} is no address with a weight from 1 to 255`);
    if (current === undefined) throw new Error(`line ${i + 1}: there is no name before ${first}`);
    current.set(address, weight);
  }
  return weights;
}
