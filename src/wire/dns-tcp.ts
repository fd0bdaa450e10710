/** Messages over a stream: each behind its length in two bytes (RFC 1035 §4.2.2). */

export function frameMessage(message: Uint8Array): Buffer {
  const framed = Buffer.allocUnsafe(2 + message.length);
  framed.writeUInt16BE(message.length, 0);
  framed.set(message, 2);
  return framed;
}

/** Puts together messages from the pieces in which they arrive. Holds at most one message of 64 KiB and a piece. */
export class DnsFrameReader {
  #rest: Buffer = Buffer.alloc(0);

  /** Adds a piece; returns the messages that are whole now. */
  push(piece: Buffer): Buffer[] {
    let bytes = this.#rest.length === 0 ? piece : Buffer.concat([this.#rest, piece]);
    const messages: Buffer[] = [];
    while (bytes.length >= 2) {
      const end = 2 + bytes.readUInt16BE(0);
      if (bytes.length < end) break;
      messages.push(bytes.subarray(2, end));
      bytes = bytes.subarray(end);
    }
    this.#rest = bytes;
    return messages;
  }
}
