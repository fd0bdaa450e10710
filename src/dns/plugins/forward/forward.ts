import type { DnsAnswer, DnsReply, DnsRequest } from '#dns/handler.ts';
import type { Plugin } from '#dns/plugin.ts';
import { ResponseCode } from '#wire/dns.ts';
import { type ForwardConfig, parseForward, withAddresses } from './config.ts';
import { Forwarder } from './forwarder.ts';
import { formatUpstream } from './upstream-address.ts';

/** `forward FROM TO…`: asks other DNS servers. */
export const forward: Plugin = {
  name: 'forward',
  parse(directives, scope) {
    const configs = directives.map((directive) => parseForward(directive, scope));
    return {
      explain: configs.map(explainForward),
      // Such as version.bind of an upstream server.
      settings: { chaos: true },
      async setup(context) {
        const resolved = await Promise.all(configs.map((config) => withAddresses(config, context.signal)));
        const forwarders = resolved.map((config) => new Forwarder(config, context));
        for (const { upstreams, zones } of configs) {
          if (upstreams.length === 0)
            context.log(
              `${zones.zones[0]?.text ?? ''}: there is no server to ask; answers are SERVFAIL`,
              'WARNING',
            );
        }
        return {
          name: 'forward',
          handle: (request, next) => ask(request, forwarders, next),
          metadata: ({ notes }, name) => notes?.get(name),
        };
      },
    };
  },
};

/** The first that matches; those behind it only where `next` says so. */
function ask(
  request: DnsRequest,
  forwarders: readonly Forwarder[],
  next: (request: DnsRequest) => DnsReply,
): DnsReply {
  const at = forwarders.findIndex((forwarder) => forwarder.matches(request));
  const forwarder = forwarders[at];
  if (forwarder === undefined) return next(request);
  const behind = forwarders.slice(at + 1);
  return forwarder.ask(request).then((answer) => {
    request.answeredBy = 'forward';
    return goesOn(forwarder.config, answer) && behind.length > 0
      ? ask(request, behind, () => answer)
      : answer;
  });
}

function goesOn({ next, nextOnNodata }: ForwardConfig, { rcode, answers }: DnsAnswer): boolean {
  return next.has(rcode) || (nextOnNodata && rcode === ResponseCode.NOERROR && answers.length === 0);
}

function explainForward({ zones, upstreams, policy }: ForwardConfig): string {
  const servers = upstreams.map(formatUpstream).join(', ') || 'no server at all';
  const zone = zones.zones[0]?.text ?? '.';
  return `asks ${servers} about names in ${zone}${upstreams.length > 1 ? ` (${policy.replace('_', ' ')})` : ''}`;
}
