import { createSocket } from 'node:dgram';
import { connect } from 'node:net';
import { type DnsMessage, decodeMessage, RecordType } from '#wire/dns.ts';
import { DnsFrameReader, frameMessage } from '#wire/dns-tcp.ts';

export interface ExchangeOptions {
  readonly port: number;
  readonly transport?: 'udp' | 'tcp' | undefined;
  /** The address of the client; 127.0.0.1 by default. */
  readonly source?: string | undefined;
  readonly timeoutMs?: number | undefined;
  /** Over TCP: the bytes as they are, without their length. */
  readonly bare?: boolean | undefined;
  /** Over TCP: whether nothing more is awaited after these messages; by default one is enough. */
  readonly isAll?: ((messages: readonly Buffer[]) => boolean) | undefined;
}

const TIMEOUT_MS = 3000;

/** Sends bytes to a server on 127.0.0.1; resolves with what came back: nothing, if it was too late or refused. */
export function exchange(bytes: Buffer, options: ExchangeOptions): Promise<readonly Buffer[]> {
  return options.transport === 'tcp' ? exchangeTcp(bytes, options) : exchangeUdp(bytes, options);
}

function exchangeUdp(
  bytes: Buffer,
  { port, source = '127.0.0.1', timeoutMs = TIMEOUT_MS }: ExchangeOptions,
): Promise<readonly Buffer[]> {
  const { promise, resolve } = Promise.withResolvers<readonly Buffer[]>();
  const socket = createSocket('udp4');
  const timer = setTimeout(() => resolve([]), timeoutMs);
  socket.on('error', () => resolve([]));
  socket.on('message', (message) => resolve([message]));
  socket.bind(0, source, () => socket.connect(port, '127.0.0.1', () => socket.send(bytes)));
  return promise.finally(() => {
    clearTimeout(timer);
    socket.close();
  });
}

function exchangeTcp(
  bytes: Buffer,
  { port, source, bare = false, timeoutMs = TIMEOUT_MS, isAll = () => true }: ExchangeOptions,
): Promise<readonly Buffer[]> {
  const { promise, resolve } = Promise.withResolvers<readonly Buffer[]>();
  const messages: Buffer[] = [];
  const reader = new DnsFrameReader();
  const socket = connect({ port, host: '127.0.0.1', ...(source !== undefined && { localAddress: source }) });
  const timer = setTimeout(() => resolve(messages), timeoutMs);
  socket.on('connect', () => socket.write(bare ? bytes : frameMessage(bytes)));
  socket.on('error', () => resolve(messages));
  socket.on('close', () => resolve(messages));
  socket.on('data', (piece: Buffer) => {
    for (const message of reader.push(piece)) {
      messages.push(Buffer.from(message));
      if (isAll(messages)) resolve([...messages]);
    }
  });
  return promise.finally(() => {
    clearTimeout(timer);
    socket.destroy();
  });
}

/** Whether a zone transfer is over: its second SOA has come, or it is none. */
export function isWholeTransfer(messages: readonly Buffer[]): boolean {
  const decoded: DnsMessage[] = messages.map((message) => decodeMessage(message));
  const answers = decoded.flatMap((message) => message.answers);
  const soas = answers.filter(({ type }) => type === RecordType.SOA).length;
  const last = decoded.at(-1);
  return soas >= 2 || last === undefined || last.rcode !== 0 || last.answers.length === 0;
}
