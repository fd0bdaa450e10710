import type { ListenAddress } from '#dns/config.ts';
import { formatAddressPort, parseAddressPort, parseIp } from '#lib/ip.ts';
import { fail } from './arguments.ts';
import type { Directive } from './parse.ts';

/** The `ADDRESS:PORT` or `:PORT` of a page; `otherwise` without argument. No address: all of them. */
export function listenArg(directive: Directive, otherwise: string): ListenAddress {
  if (directive.args.length > 1) fail(directive, 'takes one argument, the ADDRESS:PORT to listen on');
  const text = directive.args[0] ?? otherwise;
  const [, host = '', port = ''] = /^(.*?):?(\d*)$/.exec(text) ?? [];
  const address = parseAddressPort(text);
  if (address !== undefined) return address;
  if (parseIp(text) !== undefined)
    fail(directive, `${text} lacks its port, as in ${formatAddressPort(text, portOf(otherwise))}`);
  if (host === '' && port !== '' && Number(port) <= 65_535) return { address: '::', port: Number(port) };
  if (host === 'localhost') return { address: '127.0.0.1', port: Number(port) };
  return fail(
    directive,
    `${JSON.stringify(text)} is no address and port such as ${otherwise} or 127.0.0.1${otherwise}`,
  );
}

function portOf(text: string): number {
  return Number(text.slice(text.lastIndexOf(':') + 1));
}
