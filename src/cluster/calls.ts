/** What can be asked of a thread: name of the call -> function of one cloneable value. */
export type Calls = Record<string, (input: never) => unknown>;

/** A `Worker` or a `MessagePort`. */
interface Port {
  postMessage(message: unknown): void;
  on(event: 'message', listener: (message: unknown) => void): unknown;
}

type Input<C extends Calls, K extends keyof C> = Parameters<C[K]>[0];
type Output<C extends Calls, K extends keyof C> = Awaited<ReturnType<C[K]>>;

/** Answers to calls: as they are declared, or promises of that. */
export type Handlers<C> = {
  readonly [K in keyof C]: C[K] extends (input: infer I) => infer O ? (input: I) => O | Promise<O> : never;
};

/** Asks another thread; rejects with the error that the other side threw (its message and code), or when it ended. */
export interface Caller<C extends Calls> {
  call<K extends keyof C & string>(name: K, input: Input<C, K>): Promise<Output<C, K>>;
  /** Rejects what is still open: the other thread has ended. */
  fail(reason: Error): void;
}

type Message =
  | { readonly kind: 'call'; readonly id: number; readonly name: string; readonly input: unknown }
  | { readonly kind: 'result'; readonly id: number; readonly value: unknown }
  | { readonly kind: 'error'; readonly id: number; readonly message: string; readonly code?: string };

/**
 * Joins two threads over one port: answers what the other side asks with `handlers` and returns how to ask it.
 * Both sides call this once.
 */
export function joinThreads<Theirs extends Calls>(port: Port, handlers: Calls): Caller<Theirs> {
  const open = new Map<number, { resolve: (value: never) => void; reject: (error: Error) => void }>();
  let nextId = 0;
  let ended: Error | undefined;
  port.on('message', (raw) => {
    const message = raw as Message;
    if (message.kind === 'call') {
      void answer(message.id, handlers[message.name], message.input, port);
      return;
    }
    const waiting = open.get(message.id);
    open.delete(message.id);
    if (message.kind === 'result') waiting?.resolve(message.value as never);
    else waiting?.reject(Object.assign(new Error(message.message), { code: message.code }));
  });
  return {
    call(name, input) {
      if (ended !== undefined) return Promise.reject(ended);
      const id = nextId++;
      return new Promise((resolve, reject) => {
        open.set(id, { resolve, reject });
        port.postMessage({ kind: 'call', id, name, input } satisfies Message);
      });
    },
    fail(reason) {
      ended = reason;
      for (const { reject } of open.values()) reject(reason);
      open.clear();
    },
  };
}

async function answer(
  id: number,
  handler: ((input: never) => unknown) | undefined,
  input: unknown,
  port: Port,
): Promise<void> {
  let message: Message;
  try {
    if (handler === undefined) throw new Error('the thread does not know this call');
    message = { kind: 'result', id, value: await handler(input as never) };
  } catch (error) {
    const { message: text, code } = error as Error & { code?: unknown };
    message = { kind: 'error', id, message: text, ...(typeof code === 'string' ? { code } : {}) };
  }
  port.postMessage(message);
}
