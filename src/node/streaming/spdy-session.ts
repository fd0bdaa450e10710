/** A SPDY/3.1 connection over any carrier of bytes: streams of both sides as Duplex streams. */
import { Duplex } from 'node:stream';
import {
  decodeFrame,
  encodeFrame,
  GOAWAY_PROTOCOL_ERROR,
  RST,
  SpdyError,
  type SpdyFrame,
} from '#wire/spdy.ts';
import { SpdyHeaderReader, type SpdyHeaders, SpdyHeaderWriter } from '#wire/spdy-headers.ts';

export interface SpdySessionConfig {
  role: 'client' | 'server';
  /** Resolves when the bytes are on their way. */
  send: (bytes: Buffer) => Promise<void>;
  /** Stop or go on reading from the carrier: some stream's reader is behind. */
  setPaused: (paused: boolean) => void;
  /** A stream that the peer opened. */
  onStream: (stream: SpdyStream) => void;
}

/** A peer that opens more at once is refused. */
const MAX_STREAMS = 1_000;
const MAX_DATA_LENGTH = 65_536;
/** Peers of Kubernetes know no flow control per stream, so a stream has to hold some. */
const STREAM_BUFFER_LENGTH = 1 << 20;

export class SpdySession {
  readonly #config: SpdySessionConfig;
  readonly #reader = new SpdyHeaderReader();
  readonly #writer = new SpdyHeaderWriter();
  readonly #streams = new Map<number, SpdyStream>();
  readonly #congested = new Set<number>();
  #received: Buffer = Buffer.alloc(0);
  #lastPeerStreamId = 0;
  #nextStreamId: number;
  #closed = false;

  constructor(config: SpdySessionConfig) {
    this.#config = config;
    this.#nextStreamId = config.role === 'client' ? 1 : 2;
  }

  /** Bytes from the carrier, cut anywhere. Throws SpdyError, after which the carrier is to be closed. */
  receive(bytes: Buffer): void {
    this.#received = this.#received.length === 0 ? bytes : Buffer.concat([this.#received, bytes]);
    let offset = 0;
    try {
      for (let result = decodeFrame(this.#received); result; result = decodeFrame(this.#received, offset)) {
        offset = result.next;
        if (result.frame) {
          this.#handle(result.frame);
        }
      }
    } catch (error) {
      const goAway = { lastGoodStreamId: this.#lastPeerStreamId, status: GOAWAY_PROTOCOL_ERROR };
      this.#send({ type: 'GOAWAY', ...goAway }).catch(() => {});
      this.close();
      throw error;
    }
    this.#received = this.#received.subarray(offset);
  }

  open(headers: SpdyHeaders): SpdyStream {
    const streamId = this.#nextStreamId;
    this.#nextStreamId += 2;
    const stream = this.#addStream(streamId, headers);
    this.#sendOrDestroy(stream, {
      type: 'SYN_STREAM',
      streamId,
      associatedStreamId: 0,
      priority: 0,
      fin: false,
      unidirectional: false,
      headerBlock: this.#writer.write(headers),
    });
    return stream;
  }

  /** The carrier is gone, or is to go: all streams end at once. Idempotent. */
  close(): void {
    this.#closed = true;
    for (const stream of this.#streams.values()) {
      stream.destroy();
    }
    this.#streams.clear();
  }

  #handle(frame: SpdyFrame): void {
    switch (frame.type) {
      case 'SYN_STREAM':
        this.#accept(frame.streamId, frame.fin, this.#reader.read(frame.headerBlock));
        break;
      case 'DATA':
        this.#deliver(frame.streamId, frame.data, frame.fin);
        break;
      case 'SYN_REPLY':
      case 'HEADERS':
        // Nothing in them matters here, but every block is a piece of one compressed stream.
        this.#reader.read(frame.headerBlock);
        this.#deliver(frame.streamId, Buffer.alloc(0), frame.fin);
        break;
      case 'RST_STREAM':
        this.#streams.get(frame.streamId)?.endByPeer();
        break;
      case 'PING':
        // Clients' pings are odd, servers' even: what is not ours is echoed.
        if (frame.id % 2 === (this.#config.role === 'server' ? 1 : 0)) {
          this.#send(frame).catch(() => {});
        }
        break;
      default:
        // SETTINGS, GOAWAY and WINDOW_UPDATE change nothing for a connection without flow control.
        break;
    }
  }

  #accept(streamId: number, fin: boolean, headers: SpdyHeaders): void {
    const peersParity = this.#config.role === 'server' ? 1 : 0;
    if (streamId % 2 !== peersParity || streamId <= this.#lastPeerStreamId) {
      throw new SpdyError(`SYN_STREAM ${streamId} after ${this.#lastPeerStreamId}`);
    }
    this.#lastPeerStreamId = streamId;
    if (this.#streams.size >= MAX_STREAMS) {
      this.#send({ type: 'RST_STREAM', streamId, status: RST.refusedStream }).catch(() => {});
      return;
    }
    const stream = this.#addStream(streamId, headers);
    const headerBlock = this.#writer.write(new Map());
    this.#sendOrDestroy(stream, { type: 'SYN_REPLY', streamId, fin: false, headerBlock });
    this.#config.onStream(stream);
    if (fin) {
      stream.push(null);
    }
  }

  #addStream(streamId: number, headers: SpdyHeaders): SpdyStream {
    const stream = new SpdyStream(streamId, headers, {
      send: (frame) => this.#send(frame),
      caughtUp: () => this.#setCongested(streamId, false),
      closed: () => {
        this.#streams.delete(streamId);
        this.#setCongested(streamId, false);
      },
    });
    this.#streams.set(streamId, stream);
    return stream;
  }

  #deliver(streamId: number, data: Buffer, fin: boolean): void {
    const stream = this.#streams.get(streamId);
    if (!stream) {
      return;
    }
    if (data.length > 0 && !stream.push(data)) {
      this.#setCongested(streamId, true);
    }
    if (fin) {
      stream.push(null);
    }
  }

  #setCongested(streamId: number, congested: boolean): void {
    const before = this.#congested.size > 0;
    if (congested) {
      this.#congested.add(streamId);
    } else {
      this.#congested.delete(streamId);
    }
    const after = this.#congested.size > 0;
    if (before !== after && !this.#closed) {
      this.#config.setPaused(after);
    }
  }

  #sendOrDestroy(stream: SpdyStream, frame: SpdyFrame): void {
    this.#send(frame).catch((error: Error) => stream.destroy(error));
  }

  async #send(frame: SpdyFrame): Promise<void> {
    if (!this.#closed) {
      await this.#config.send(encodeFrame(frame));
    }
  }
}

interface StreamHooks {
  send: (frame: SpdyFrame) => Promise<void>;
  caughtUp: () => void;
  closed: () => void;
}

/** Ending it closes our half; destroying it resets the stream for both sides. */
export class SpdyStream extends Duplex {
  readonly streamId: number;
  readonly headers: SpdyHeaders;
  readonly #hooks: StreamHooks;
  #resetByPeer = false;

  constructor(streamId: number, headers: SpdyHeaders, hooks: StreamHooks) {
    super({ readableHighWaterMark: STREAM_BUFFER_LENGTH });
    this.streamId = streamId;
    this.headers = headers;
    this.#hooks = hooks;
  }

  /** The peer reset the stream. */
  endByPeer(): void {
    this.#resetByPeer = true;
    this.destroy();
  }

  override _read(): void {
    this.#hooks.caughtUp();
  }

  override _write(chunk: Buffer, _encoding: string, callback: (error?: Error | null) => void): void {
    this.#sendData(chunk).then(() => callback(), callback);
  }

  override _final(callback: (error?: Error | null) => void): void {
    const { streamId } = this;
    this.#hooks
      .send({ type: 'DATA', streamId, fin: true, data: Buffer.alloc(0) })
      .then(() => callback(), callback);
  }

  override _destroy(error: Error | null, callback: (error?: Error | null) => void): void {
    const complete = this.readableEnded && this.writableFinished;
    if (!complete && !this.#resetByPeer) {
      this.#hooks.send({ type: 'RST_STREAM', streamId: this.streamId, status: RST.cancel }).catch(() => {});
    }
    this.#hooks.closed();
    callback(error);
  }

  async #sendData(chunk: Buffer): Promise<void> {
    const { streamId } = this;
    for (let offset = 0; offset < chunk.length; offset += MAX_DATA_LENGTH) {
      const data = chunk.subarray(offset, offset + MAX_DATA_LENGTH);
      await this.#hooks.send({ type: 'DATA', streamId, fin: false, data });
    }
  }
}
