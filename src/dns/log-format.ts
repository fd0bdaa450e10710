import { formatName, rcodeName, typeName } from '#wire/dns.ts';
import { questionLabels } from '#wire/dns-query.ts';
import type { DnsRequest } from './handler.ts';

export interface LoggedQuery {
  readonly request: DnsRequest;
  /** Undefined: the client heard nothing. */
  readonly response: Buffer | undefined;
  readonly seconds: number;
}

type Field = (query: LoggedQuery) => string;

const FLAG_NAMES: readonly (readonly [number, string])[] = [
  [0x8000, 'qr'],
  [0x0400, 'aa'],
  [0x0200, 'tc'],
  [0x0100, 'rd'],
  [0x0080, 'ra'],
  [0x0040, 'z'],
  [0x0020, 'ad'],
  [0x0010, 'cd'],
];
const CLASS_NAMES: Readonly<Record<number, string>> = { 1: 'IN', 3: 'CH', 4: 'HS', 255: 'ANY' };
const NONE = '-';
const MIN_UDP = 512;
const MAX_STREAM = 65_535;

const FIELDS: Readonly<Record<string, Field>> = {
  remote: ({ request: { client } }) => (client.family === 6 ? `[${client.address}]` : client.address),
  port: ({ request }) => String(request.client.port),
  local: ({ request: { client } }) =>
    client.family === 6 ? `[${client.local.address}]` : client.local.address,
  proto: ({ request }) => (request.client.transport === 'udp' ? 'udp' : 'tcp'),
  name: ({ request }) => formatName(questionLabels(request.query)).toLowerCase(),
  type: ({ request }) => typeName(request.query.type),
  class: ({ request }) => CLASS_NAMES[request.query.class] ?? `CLASS${request.query.class}`,
  size: ({ request }) => String(request.query.message.length),
  rcode: ({ response }) =>
    response === undefined ? NONE : (rcodeName((response[3] ?? 0) & 15) ?? String((response[3] ?? 0) & 15)),
  rsize: ({ response }) => String(response?.length ?? 0),
  // To the nanosecond, never in the form 1e-7.
  duration: ({ seconds }) => `${seconds.toFixed(9).replace(/\.?0+$/, '')}s`,
  '>id': ({ request }) => String(request.query.message.readUInt16BE(0)),
  '>opcode': ({ request }) => String((request.query.message.readUInt16BE(2) >> 11) & 15),
  '>do': ({ request }) => String(request.query.edns?.dnssecOk ?? false),
  '>bufsize': ({ request: { client, query } }) =>
    String(client.transport === 'udp' ? Math.max(MIN_UDP, query.edns?.udpSize ?? 0) : MAX_STREAM),
  '>rflags': ({ response }) => flagsOf(response),
};

/** Makes lines as a format with fields in braces says. Throws a `TypeError` for a field that there is none of. */
export function compileLogFormat(format: string): (query: LoggedQuery) => string {
  const parts = [...format.matchAll(/\{([^{}]+)\}|[^{]+|\{/g)].map(([text, field]): Field => {
    if (field === undefined) return () => text;
    const known = FIELDS[field];
    if (known !== undefined) return known;
    if (field.startsWith('/'))
      return ({ request }) => request.block.metadata(request, field.slice(1)) ?? NONE;
    throw new TypeError(
      `there is no field {${field}}; there are ${Object.keys(FIELDS)
        .map((name) => `{${name}}`)
        .join(', ')} and {/METADATA}`,
    );
  });
  return (query) => parts.map((part) => part(query)).join('');
}

function flagsOf(response: Buffer | undefined): string {
  const word = response?.readUInt16BE(2) ?? 0;
  const names = FLAG_NAMES.filter(([bit]) => (word & bit) !== 0).map(([, name]) => name);
  return names.length > 0 ? names.join(',') : NONE;
}
