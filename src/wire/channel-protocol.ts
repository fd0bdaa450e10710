/**
 * The framing of exec and attach over WebSocket (subprotocols v4.channel.k8s.io and v5.channel.k8s.io): every
 * binary message is one byte of channel number and a payload. v5 adds a message that closes one channel.
 */

export const CHANNEL = { stdin: 0, stdout: 1, stderr: 2, error: 3, resize: 4 } as const;

export type ChannelProtocol = 'v4.channel.k8s.io' | 'v5.channel.k8s.io';

/** Preferred first. */
export const CHANNEL_PROTOCOLS: readonly ChannelProtocol[] = ['v5.channel.k8s.io', 'v4.channel.k8s.io'];

const CLOSE_SIGNAL = 255;
const LAST_CHANNEL = CHANNEL.resize;
/** A terminal's size is an unsigned 16-bit number in the kernel. */
const MAX_TERMINAL_SIZE = 0xffff;

export type ChannelMessage =
  | { kind: 'data'; channel: number; payload: Buffer }
  /** No more data comes on the channel. */
  | { kind: 'close'; channel: number };

export function encodeChannelData(channel: number, payload: Uint8Array): Buffer {
  const message = Buffer.allocUnsafe(1 + payload.length);
  message[0] = channel;
  message.set(payload, 1);
  return message;
}

export function encodeChannelClose(channel: number): Buffer {
  return Buffer.from([CLOSE_SIGNAL, channel]);
}

/** Undefined if the message is no part of the protocol. The payload is a view into the message. */
export function decodeChannelMessage(message: Buffer, protocol: ChannelProtocol): ChannelMessage | undefined {
  const [first, second] = message;
  if (first === undefined) {
    return undefined;
  }
  if (first === CLOSE_SIGNAL && protocol === 'v5.channel.k8s.io') {
    return message.length === 2 && second !== undefined && second <= LAST_CHANNEL
      ? { kind: 'close', channel: second }
      : undefined;
  }
  return first <= LAST_CHANNEL ? { kind: 'data', channel: first, payload: message.subarray(1) } : undefined;
}

export interface TerminalSize {
  columns: number;
  rows: number;
}

/** Payload of the resize channel: JSON with `Width` and `Height` in characters. */
export function encodeTerminalSize({ columns, rows }: TerminalSize): Buffer {
  return Buffer.from(JSON.stringify({ Width: columns, Height: rows }));
}

/** Undefined if it is not JSON or no size that a terminal can have. */
export function decodeTerminalSize(payload: Buffer): TerminalSize | undefined {
  let value: unknown;
  try {
    value = JSON.parse(payload.toString());
  } catch {
    return undefined;
  }
  const { Width: columns, Height: rows } = (value ?? {}) as Record<string, unknown>;
  return isTerminalSize(columns) && isTerminalSize(rows) ? { columns, rows } : undefined;
}

function isTerminalSize(value: unknown): value is number {
  return Number.isInteger(value) && (value as number) > 0 && (value as number) <= MAX_TERMINAL_SIZE;
}
