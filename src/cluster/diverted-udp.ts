import { writeSync } from 'node:fs';
import { closeFd } from '#os/fd-ledger.ts';
import { makePipe } from '#os/pipe.ts';
import { waitReadable } from '#os/readable.ts';
import { type OriginalDatagram, recvFromOriginal, wantOriginalDestination } from '#os/udp.ts';

const MAX_DATAGRAM_BYTES = 65_535;

/** A datagram that was on its way to somebody else. */
export interface DivertedDatagram extends Omit<OriginalDatagram, 'length'> {
  readonly data: Buffer;
}

/** Receives what the kernel diverts (tproxy) to a transparent UDP socket, which it takes over. */
export class DivertedUdp implements Disposable {
  readonly #fd: number;
  readonly #wake = makePipe();
  readonly #buffer = Buffer.allocUnsafeSlow(MAX_DATAGRAM_BYTES);
  readonly #onDatagram: (datagram: DivertedDatagram) => void;
  #closed = false;

  constructor(fd: number, family: 4 | 6, onDatagram: (datagram: DivertedDatagram) => void) {
    this.#fd = fd;
    this.#onDatagram = onDatagram;
    wantOriginalDestination(fd, family);
    void this.#receive();
  }

  [Symbol.dispose](): void {
    if (this.#closed) return;
    this.#closed = true;
    writeSync(this.#wake.write, 'x');
  }

  async #receive(): Promise<void> {
    while (!this.#closed) {
      await waitReadable([this.#fd, this.#wake.read]);
      for (;;) {
        const datagram = recvFromOriginal(this.#fd, this.#buffer);
        if (datagram === undefined) break;
        const { source, destination, length } = datagram;
        this.#onDatagram({ source, destination, data: Buffer.from(this.#buffer.subarray(0, length)) });
      }
    }
    for (const fd of [this.#fd, this.#wake.read, this.#wake.write]) closeFd(fd);
  }
}
