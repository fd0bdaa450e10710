import type { ServerResponse } from 'node:http';
import { asStatusError } from './respond.ts';

/** A reader that lets more changes than this pile up is cut off: it will list again. */
const MAX_UNSENT_BYTES = 32 * 1024 * 1024;

const END = Buffer.from('}\n');

/** Writes watch events as lines of JSON. What is written in one turn of the event loop leaves as one piece. */
export class WatchStream {
  readonly #response: ServerResponse;
  #corked = false;
  #maxUnsentBytes = Number.POSITIVE_INFINITY;

  constructor(response: ServerResponse) {
    this.#response = response;
    response.setHeader('content-type', 'application/json');
    response.setHeader('cache-control', 'no-cache, private');
    response.writeHead(200);
    response.flushHeaders();
  }

  /** `object` is the JSON of the event's object. */
  event(type: string, object: Buffer): void {
    this.#write(frame(type, object));
  }

  /** Ends the initial state, which may be of any size: it is all written before the client can read any of it. */
  limitFromNow(): void {
    this.#maxUnsentBytes = this.#response.writableLength + MAX_UNSENT_BYTES;
  }

  /** Reports a failure, after which a watch is over. */
  error(error: unknown): void {
    this.event('ERROR', Buffer.from(JSON.stringify(asStatusError(error).status)));
    this.end();
  }

  end(): void {
    if (!this.#response.writableEnded) this.#response.end();
  }

  #write(bytes: Buffer): void {
    if (this.#response.writableEnded || this.#response.destroyed) return;
    if (this.#response.writableLength > this.#maxUnsentBytes) {
      this.#response.destroy();
      return;
    }
    this.#corkForThisTurn();
    this.#response.write(bytes);
  }

  #corkForThisTurn(): void {
    if (this.#corked) return;
    this.#corked = true;
    this.#response.cork();
    process.nextTick(() => {
      this.#corked = false;
      this.#response.uncork();
    });
  }
}

let lastType = '';
let lastObject: Buffer | undefined;
let lastFrame: Buffer = END;

/** The line of an event. All watchers are told of an event one after the other, so the last line is kept. */
function frame(type: string, object: Buffer): Buffer {
  if (object !== lastObject || type !== lastType) {
    lastType = type;
    lastObject = object;
    lastFrame = Buffer.concat([Buffer.from(`{"type":"${type}","object":`), object, END]);
  }
  return lastFrame;
}
