import { check, libc } from './libc.ts';

/** Descriptor numbers above this are not recorded (and so could outlive a terminated worker). */
const MAX_FDS = 1 << 20;

/**
 * Which raw descriptors a thread owns, in memory that outlives it. Node closes what it opened itself
 * when a worker is terminated; descriptors made through the C library stay open unless whoever started
 * the worker closes what its ledger still lists.
 *
 *     const ledger = new FdLedger();
 *     const worker = new Worker(file, { workerData: { ledger: ledger.shared } });   // there: useLedger(workerData.ledger)
 *     worker.on('exit', () => ledger.closeAll());
 */
export class FdLedger {
  readonly shared: SharedArrayBuffer;
  readonly #words: Int32Array;

  constructor(shared: SharedArrayBuffer = new SharedArrayBuffer(MAX_FDS / 8)) {
    this.shared = shared;
    this.#words = new Int32Array(shared);
  }

  add(fd: number): void {
    if (fd < MAX_FDS) Atomics.or(this.#words, fd >> 5, 1 << (fd & 31));
  }

  /** Strikes a descriptor out: closed, adopted by a Node handle, or handed to another thread. */
  forget(fd: number): void {
    if (fd < MAX_FDS) Atomics.and(this.#words, fd >> 5, ~(1 << (fd & 31)));
  }

  has(fd: number): boolean {
    return fd < MAX_FDS && (Atomics.load(this.#words, fd >> 5) & (1 << (fd & 31))) !== 0;
  }

  list(): number[] {
    const fds: number[] = [];
    for (let word = 0; word < this.#words.length; word++) {
      const bits = Atomics.load(this.#words, word);
      if (bits === 0) continue;
      for (let bit = 0; bit < 32; bit++) if ((bits & (1 << bit)) !== 0) fds.push(word * 32 + bit);
    }
    return fds;
  }

  /** Closes all that is listed and returns how many there were. For use once the owning thread has ended. */
  closeAll(): number {
    const fds = this.list();
    for (const fd of fds) {
      this.forget(fd);
      libc().close(fd);
    }
    return fds.length;
  }
}

let current: FdLedger | undefined;

/** This thread's ledger; one of its own until `useLedger()` gave it a shared one. */
export function threadLedger(): FdLedger {
  current ??= new FdLedger();
  return current;
}

/** Makes this thread record its descriptors where the starter of the worker can see them. Call it first. */
export function useLedger(shared: SharedArrayBuffer): void {
  const previous = current;
  current = new FdLedger(shared);
  for (const fd of previous?.list() ?? []) current.add(fd);
}

/** Closes a raw descriptor that this thread's ledger holds. */
export function closeFd(fd: number): void {
  threadLedger().forget(fd);
  check(libc().close(fd), 'close', `descriptor ${fd}`);
}
