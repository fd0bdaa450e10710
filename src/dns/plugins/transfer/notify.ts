import { randomInt } from 'node:crypto';
import { createSocket } from 'node:dgram';
import { formatAddressPort, ipFamily } from '#lib/ip.ts';
import {
  CLASS_IN,
  type DnsName,
  decodeMessage,
  encodeMessage,
  formatName,
  HeaderFlag,
  Opcode,
  RecordType,
  rcodeName,
} from '#wire/dns.ts';

/** A server that keeps copies of zones. */
export interface Secondary {
  readonly address: string;
  readonly port: number;
}

export interface NotifyOptions {
  /** The address to tell from. */
  readonly source?: string | undefined;
  readonly signal: AbortSignal;
  /** Between two tries. */
  readonly timeoutMs?: number | undefined;
}

const TRIES = 3;
const TIMEOUT_MS = 2000;

/**
 * Tells a secondary server that a zone is new (RFC 1996), three times at most. Rejects with an error that names
 * both when it did not take note, and with the signal's reason when that fires.
 */
export async function notify(
  { address, port }: Secondary,
  zone: DnsName,
  { source, signal, timeoutMs = TIMEOUT_MS }: NotifyOptions,
): Promise<void> {
  const id = randomInt(0x10000);
  const query = notification(zone, id);
  const to = formatAddressPort(address, port);
  const failed = (why: string): Error => new Error(`NOTIFY of ${formatName(zone)} to ${to}: ${why}`);
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  const socket = createSocket(ipFamily(address) === 4 ? 'udp4' : 'udp6');
  const aborted = (): void => reject(signal.reason as Error);
  signal.addEventListener('abort', aborted, { once: true });
  socket.on('error', (error) => reject(failed(error.message)));
  socket.on('message', (bytes) => {
    const rcode = rcodeOf(bytes, id);
    if (rcode === 0) resolve();
    else if (rcode !== undefined) reject(failed(rcodeName(rcode) ?? `response code ${rcode}`));
  });
  let tries = 0;
  const send = (): void => {
    if (++tries > TRIES) reject(failed('no answer'));
    else socket.send(query);
  };
  // Not as connect()'s callback: that one is called when it fails, too.
  socket.once('connect', send);
  socket.bind({ ...(source !== undefined && { address: source }) }, () => socket.connect(port, address));
  const timer = setInterval(send, timeoutMs);
  try {
    signal.throwIfAborted();
    await promise;
  } finally {
    clearInterval(timer);
    signal.removeEventListener('abort', aborted);
    socket.close();
  }
}

function notification(zone: DnsName, id: number): Buffer {
  return encodeMessage({
    id,
    flags: HeaderFlag.AA,
    opcode: Opcode.NOTIFY,
    rcode: 0,
    questions: [{ name: zone, type: RecordType.SOA, class: CLASS_IN }],
    answers: [],
    authorities: [],
    additionals: [],
  });
}

/** Undefined when it is no answer to the message with this ID. */
function rcodeOf(bytes: Buffer, id: number): number | undefined {
  try {
    const message = decodeMessage(bytes);
    return message.id === id && (message.flags & HeaderFlag.QR) !== 0 ? message.rcode : undefined;
  } catch {
    return undefined;
  }
}
