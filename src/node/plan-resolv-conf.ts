/** resolv.conf as a node reads and writes it. Rules, limits and sentences are kubelet's. Pure. */

/** A resolver configuration; options as written, `ndots:5`. */
export interface ResolvConf {
  nameservers: string[];
  searches: string[];
  options: string[];
}

/** What a pod's resolver may have at most (k8s.io/kubernetes pkg/apis/core/validation; KEP-2595). */
export const MAX_NAMESERVERS = 3;
export const MAX_SEARCHES = 32;
/** Of the search line, spaces included. */
export const MAX_SEARCH_LENGTH = 2048;
/** glibc 2.28 aborts on longer ones. */
export const MAX_SEARCH_ENTRY_LENGTH = 253;

const MAX_FILE_BYTES = 10 << 20;
/** Namespace, `svc` and domain go before the host's own. */
const CLUSTER_SEARCHES = 3;

/** The node's file cannot be read or understood: pods wait until it can. */
export class ResolvConfError extends Error {
  override readonly name = 'ResolvConfError';
}

/**
 * Reads a resolv.conf: nameservers add up, the last search line wins, options add up and the later one wins by name.
 * Trailing dots go, and a lone dot with them. Throws ResolvConfError for a nameserver line without an address.
 */
export function parseResolvConf(text: string): ResolvConf {
  if (text.length > MAX_FILE_BYTES) throw unreadable('the read limit is reached');
  const result: ResolvConf = { nameservers: [], searches: [], options: [] };
  let empty = 0;
  for (const line of text.split('\n')) {
    const [keyword, ...fields] = line.trim().split(/\s+/);
    if (keyword === 'nameserver') {
      if (fields[0] === undefined) empty++;
      else result.nameservers.push(fields[0]);
    }
    if (keyword === 'search')
      result.searches = fields.filter((name) => name !== '.').map((name) => name.replace(/\.$/, ''));
    if (keyword === 'options') result.options = mergeOptions(result.options, fields);
  }
  if (empty > 0) throw unreadable('nameserver list is empty ');
  return result;
}

const unreadable = (why: string): ResolvConfError =>
  new ResolvConfError(`Encountered error while parsing resolv conf file. Error: ${why}`);

/** By name; the later one wins in the place of the earlier. An option without a value ends without its colon. */
export function mergeOptions(base: readonly string[], over: readonly string[]): string[] {
  const byName = new Map<string, string>();
  for (const option of [...base, ...over]) byName.set(option.split(':')[0] ?? option, option);
  return [...byName.values()].map((option) => option.replace(/^([^:]*):$/, '$1'));
}

/** The file's text, in the order in which containerd writes it. */
export function formatResolvConf({ nameservers, searches, options }: ResolvConf): string {
  const lines = [
    ...(searches.length > 0 ? [`search ${searches.join(' ')}`] : []),
    ...nameservers.map((server) => `nameserver ${server}`),
    ...(options.length > 0 ? [`options ${options.join(' ')}`] : []),
  ];
  return lines.map((line) => `${line}\n`).join('');
}

/** What is too much in the node's own file, as the event CheckLimitsForResolvConf tells it; undefined when nothing is. */
export function findResolvConfExcess(
  path: string,
  { searches }: ResolvConf,
  clusterDomain: string,
): string | undefined {
  const maxSearches = clusterDomain === '' ? MAX_SEARCHES : MAX_SEARCHES - CLUSTER_SEARCHES;
  if (searches.length > maxSearches)
    return `Resolv.conf file '${path}' contains search line consisting of more than ${maxSearches} domains!`;
  if (searches.some((search) => Buffer.byteLength(search) > MAX_SEARCH_ENTRY_LENGTH))
    return `Resolv.conf file ${JSON.stringify(path)} contains a search path which length is more than allowed ${MAX_SEARCH_ENTRY_LENGTH} chars!`;
  if (Buffer.byteLength(searches.join(' ')) > MAX_SEARCH_LENGTH)
    return `Resolv.conf file '${path}' contains search line which length is more than allowed ${MAX_SEARCH_LENGTH} chars!`;
  return undefined;
}
