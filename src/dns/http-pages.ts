import type { ListenAddress } from './config.ts';
import { type StatusReply, serveStatus } from './serve-status.ts';
import type { Listener } from './transport.ts';

interface Port {
  readonly listener: Promise<Listener>;
  /** By path; the last one registered answers. */
  readonly pages: Map<string, (() => StatusReply)[]>;
  users: number;
}

/**
 * Pages such as `/health`, several per address. One that is registered again, as on a reload, takes over at
 * once, and the older one comes back if the newer goes.
 */
export class HttpPages {
  readonly #ports = new Map<string, Port>();

  /** Rejects when the address cannot be had. Disposing of the result takes the page away. */
  async add(listen: ListenAddress, path: string, reply: () => StatusReply): Promise<Listener> {
    const key = `${listen.address} ${listen.port}`;
    let port = this.#ports.get(key);
    if (port === undefined) {
      const pages: Port['pages'] = new Map();
      const listener = serveStatus(listen, (asked) => pages.get(asked)?.at(-1)?.());
      port = { listener, pages, users: 0 };
      this.#ports.set(key, port);
    }
    const { pages } = port;
    const replies = pages.get(path) ?? [];
    pages.set(path, replies);
    replies.push(reply);
    port.users++;
    const remove = (): Promise<void> => this.#remove(key, replies, reply);
    try {
      const { address } = await port.listener;
      return { address, [Symbol.asyncDispose]: remove };
    } catch (error) {
      await remove();
      throw error;
    }
  }

  async #remove(key: string, replies: (() => StatusReply)[], reply: () => StatusReply): Promise<void> {
    const index = replies.lastIndexOf(reply);
    if (index >= 0) replies.splice(index, 1);
    const port = this.#ports.get(key);
    if (port === undefined || --port.users > 0) return;
    this.#ports.delete(key);
    const listener = await port.listener.catch(() => undefined);
    await listener?.[Symbol.asyncDispose]();
  }
}
