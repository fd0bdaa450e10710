import { closeSync, constants, openSync } from 'node:fs';
import tty from 'node:tty';
import { check, libc } from './libc.ts';

const TIOCSPTLCK = 0x40045431;
const TIOCGPTN = 0x80045430;
const TIOCSWINSZ = 0x5414;

/** A pseudo terminal: the program gets `terminal` as its standard streams, `master` is the other side. */
export class PseudoTerminal implements Disposable {
  readonly master: tty.ReadStream;
  /** The descriptor for the program; closed by `closeTerminal()` once the program has it. */
  readonly terminal: number;
  readonly #fd: number;

  /** `root`: of the file system whose /dev/pts it belongs to, such as /proc/PID/root; the thread's own by default. */
  constructor(root = '') {
    const flags = constants.O_RDWR | constants.O_NOCTTY;
    this.#fd = openSync(root === '' ? '/dev/ptmx' : `${root}/dev/pts/ptmx`, flags);
    check(libc().ioctl(this.#fd, TIOCSPTLCK, Buffer.alloc(4)), 'ioctl', 'TIOCSPTLCK of /dev/ptmx');
    const number = Buffer.alloc(4);
    check(libc().ioctl(this.#fd, TIOCGPTN, number), 'ioctl', 'TIOCGPTN of /dev/ptmx');
    this.terminal = openSync(`${root}/dev/pts/${number.readUInt32LE()}`, flags);
    this.master = new tty.ReadStream(this.#fd);
    // EIO is how a terminal says that its last user is gone.
    this.master.on('error', () => this.master.destroy());
  }

  /** Size in characters. */
  resize(columns: number, rows: number): void {
    if (this.master.destroyed) return;
    const size = Buffer.alloc(8);
    size.writeUInt16LE(Math.max(0, Math.min(rows, 0xffff)), 0);
    size.writeUInt16LE(Math.max(0, Math.min(columns, 0xffff)), 2);
    check(libc().ioctl(this.#fd, TIOCSWINSZ, size), 'ioctl', 'TIOCSWINSZ');
  }

  closeTerminal(): void {
    closeSync(this.terminal);
  }

  [Symbol.dispose](): void {
    this.master.destroy();
  }
}
