/**
 * Where a Windows node's own resolver configuration comes from. Kubelet's rules (pkg/kubelet/network/dns,
 * dns_windows.go) as pure functions: nothing here runs on Windows yet, whoever does brings the facts. Pure.
 */
import { parseResolvConf, type ResolvConf, ResolvConfError } from '#node/plan-resolv-conf.ts';

/** The value of `resolvConf` that means the settings of Windows itself. */
export const HOST_RESOLVER = 'Host';

/** What Windows keeps about names, as it says it. */
export interface WindowsResolver {
  /** DnsServerList of GetNetworkParams(). */
  servers: readonly string[];
  /** `SearchList` of HKLM\System\CurrentControlSet\Services\TCPIP\Parameters: names with commas between. */
  searchList: string;
  /** `SearchList` of each key below …\Parameters\Interfaces, in the registry's order. */
  interfaceSearchLists: readonly string[];
}

export interface WindowsResolverFacts {
  /** Text of the file that `resolvConf` names; undefined when there is no such file. */
  file: string | undefined;
  windows: WindowsResolver;
}

/**
 * A file of that name comes first, also one called Host. Undefined for '': the node has no resolver. Throws
 * ResolvConfError for any other word, and for a file that cannot be understood.
 */
export function planWindowsHostResolver(
  resolvConf: string,
  { file, windows }: WindowsResolverFacts,
): ResolvConf | undefined {
  if (resolvConf === '') return undefined;
  if (file !== undefined) return parseResolvConf(file);
  if (resolvConf === HOST_RESOLVER) return planFromWindows(windows);
  throw new ResolvConfError(
    `Unexpected resolver config value: "${resolvConf}". Expected "", "${HOST_RESOLVER}", or a path to an existing resolv.conf file.`,
  );
}

/** Suffixes of all connections, then each interface's that are new. Windows has no options. */
function planFromWindows({ servers, searchList, interfaceSearchLists }: WindowsResolver): ResolvConf {
  // GetNetworkParams() pads with NUL, and tells one empty server where there is none.
  const nameservers = servers.map((server) => server.replace(/\0+$/, '')).filter((server) => server !== '');
  const searches = new Set([searchList, ...interfaceSearchLists].flatMap((list) => list.split(',')));
  return { nameservers, searches: [...searches].filter((search) => search !== ''), options: [] };
}
