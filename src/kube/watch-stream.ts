/** The body of a watch: one JSON object per line, cut anywhere by the transport. */
import type { IncomingMessage } from 'node:http';
import { StringDecoder } from 'node:string_decoder';
import { ConnectionError } from './errors.ts';

/** Splits text into lines across chunks; an unfinished last line waits for the next chunk. */
export class LineSplitter {
  readonly #decoder = new StringDecoder('utf8');
  #rest = '';

  /** The lines completed by this chunk, without their line ends and without empty ones. */
  push(chunk: Buffer): string[] {
    const text = this.#rest + this.#decoder.write(chunk);
    const end = text.lastIndexOf('\n');
    if (end < 0) {
      this.#rest = text;
      return [];
    }
    this.#rest = text.slice(end + 1);
    return text
      .slice(0, end)
      .split('\n')
      .filter((line) => line !== '');
  }
}

/**
 * Hands every line's object to `onEvent`, in order, and `onBytes` each time bytes arrive. Resolves when the
 * server ends the stream; rejects when the connection breaks or `onEvent` throws.
 */
export function readEvents(
  message: IncomingMessage,
  what: string,
  onEvent: (event: unknown) => void,
  onBytes?: () => void,
): Promise<void> {
  const lines = new LineSplitter();
  return new Promise((resolve, reject) => {
    message.on('data', (chunk: Buffer) => {
      try {
        onBytes?.();
        for (const line of lines.push(chunk)) onEvent(JSON.parse(line));
      } catch (error) {
        reject(error);
        message.destroy();
      }
    });
    message.on('end', () => resolve());
    message.on('error', (error) => reject(new ConnectionError(what, error)));
    message.on('close', () => {
      if (message.complete) resolve();
      else reject(new ConnectionError(what, new Error('connection closed')));
    });
  });
}
