import type { LinkRef, RtnetlinkRequest } from '#wire/rtnetlink-types.ts';

/** A request in words, for errors and dry runs: `add address 10.244.0.5/32 to eth0`. */
export function describeRequest(request: RtnetlinkRequest): string {
  switch (request.do) {
    case 'createVeth':
      return `create veth ${request.name} with peer ${request.peer.name}`;
    case 'createLink':
      return `create ${request.kind} ${request.name}`;
    case 'setLink':
      return `set link ${linkText(request.link)} ${changesText(request)}`;
    case 'deleteLink':
      return `delete link ${linkText(request.link)}`;
    case 'addAddress':
    case 'replaceAddress':
      return `${verb(request.do)} address ${request.address} to ${linkText(request.link)}`;
    case 'deleteAddress':
      return `delete address ${request.address} from ${linkText(request.link)}`;
    case 'addRoute':
    case 'replaceRoute':
    case 'deleteRoute':
      return `${verb(request.do)} route ${words({
        to: request.destination,
        via: request.via,
        dev: request.link,
        src: request.source,
        table: request.table,
        metric: request.metric,
        type: request.type,
      })}`;
    case 'addRule':
    case 'deleteRule':
      return `${verb(request.do)} IPv${request.family} rule ${words({
        priority: request.priority,
        from: request.from,
        to: request.to,
        mark: request.mark,
        iif: request.inputLink,
        oif: request.outputLink,
        [request.action ?? 'lookup']: request.table ?? '',
      })}`;
    default:
      return `${verb(request.do)} neighbour ${words({
        address: request.address,
        mac: request.mac,
        dev: request.link,
      })}`;
  }
}

function verb(operation: string): string {
  return /^[a-z]+/.exec(operation)?.[0] ?? operation;
}

function linkText(link: LinkRef): string {
  return typeof link === 'number' ? `#${link}` : link;
}

function changesText(request: RtnetlinkRequest & { do: 'setLink' }): string {
  const { up, mtu, mac, master, name, netns } = request;
  const state = up === undefined ? undefined : up ? 'up' : 'down';
  return words({ state, mtu, mac, master: master === null ? 'none' : master, name, 'netns fd': netns });
}

function words(values: Record<string, string | number | undefined>): string {
  return Object.entries(values)
    .filter(([, value]) => value !== undefined)
    .map(([key, value]) => `${key} ${value}`.trimEnd())
    .join(' ');
}
