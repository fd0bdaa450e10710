/** Messages over a stream: each behind its length in two bytes (RFC 1035 §4.2.2). */

export function frameMessage(message: Uint8Array): Buffer {
  const framed = Buffer.allocUnsafe(2 + message.length);
  framed.writeUInt16BE(message.length, 0);
  framed.set(message, 2);
  return framed;
}

/** Puts together messages from the pieces in which they arrive. Holds at most one message of 64 KiB and a piece. */
export class DnsFrameReader {
  /** What has come of the message that is not whole yet. */
  #pieces: Buffer[] = [];
  #length = 0;

  /** Whether a message has begun that is not whole yet. */
  get hasPartial(): boolean {
    return this.#length > 0;
  }

  /** Adds a piece; returns the messages that are whole now. */
  push(piece: Buffer): Buffer[] {
    this.#pieces.push(piece);
    this.#length += piece.length;
    if (this.#length < this.#wanted()) return [];
    let bytes = Buffer.concat(this.#pieces, this.#length);
    const messages: Buffer[] = [];
    while (bytes.length >= 2) {
      const end = 2 + bytes.readUInt16BE(0);
      if (bytes.length < end) break;
      messages.push(bytes.subarray(2, end));
      bytes = bytes.subarray(end);
    }
    this.#pieces = bytes.length > 0 ? [bytes] : [];
    this.#length = bytes.length;
    return messages;
  }

  /** The bytes of the first message with its length, as far as that is known. */
  #wanted(): number {
    const [first, second] = this.#pieces;
    const low = first?.[1] ?? second?.[0];
    return first?.[0] === undefined || low === undefined ? 2 : 2 + ((first[0] << 8) | low);
  }
}
