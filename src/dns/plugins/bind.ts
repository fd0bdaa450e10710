import { networkInterfaces } from 'node:os';
import { fail, unknownOption } from '#dns/corefile/arguments.ts';
import type { Directive } from '#dns/corefile/parse.ts';
import type { Plugin } from '#dns/plugin.ts';
import { isLinkLocalIp, parseIp } from '#lib/ip.ts';

/** `bind`: the addresses, or interfaces, to listen on. */
export const bind: Plugin = {
  name: 'bind',
  parse(directives) {
    const addresses = new Set(directives.flatMap(addressesOf));
    return {
      explain: [`listens on ${[...addresses].join(', ')}`],
      settings: { bind: [...addresses] },
      setup: () => ({ name: 'bind' }),
    };
  },
};

function addressesOf(directive: Directive): string[] {
  if (directive.args.length === 0) fail(directive, 'takes addresses or interfaces to listen on');
  const except = new Set<string>();
  for (const option of directive.block ?? []) {
    if (option.name !== 'except') unknownOption('bind', option, ['except']);
    if (option.args.length === 0) fail(option, 'which addresses or interfaces?');
    for (const arg of option.args) {
      const address = parseIp(arg);
      if (address === undefined && networkInterfaces()[arg] === undefined)
        fail(option, `${arg} is neither an address nor an interface of this machine`);
      except.add(address ?? arg);
    }
  }
  const addresses = directive.args.flatMap((arg) => {
    const address = parseIp(arg);
    if (address !== undefined) return except.has(address) ? [] : [address];
    const own = networkInterfaces()[arg];
    if (own === undefined) fail(directive, `${arg} is neither an address nor an interface of this machine`);
    return own
      .map((entry) => entry.address)
      .filter((entry) => !isLinkLocalIp(entry) && !except.has(entry) && !except.has(arg));
  });
  if (addresses.length === 0) fail(directive, 'leaves no address to listen on');
  return addresses;
}
