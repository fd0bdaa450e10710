import {
  BLOCK_ADDRESS,
  BLOCK_SIZE,
  IGNORE_ERROR,
  IGNORE_MISSING,
  RECORD,
  RECORDS_AT,
  REPORT_SIZE,
} from './block.ts';
import type { Architecture } from './elf.ts';
import { type SyscallName, syscallNumber } from './syscalls.ts';

/** What an argument of a system call can be; texts and bytes are handed over by address, texts end with NUL. */
export type InitArgument =
  | number
  | bigint
  | { text: string }
  | { bytes: Uint8Array }
  | { texts: readonly string[] }
  /** What an earlier step of that name returned (a descriptor, mostly). */
  | { result: string };

/** One system call of the container init. */
export interface InitStep {
  call: SyscallName;
  args: readonly InitArgument[];
  /** What the step is for, as the error says it: "mount the volume data at /data". */
  purpose: string;
  /** `any`: its failure does not matter. `missing`: ENOENT does not matter. */
  ignore?: 'any' | 'missing';
  /** Later steps refer to the result by this name. */
  name?: string;
}

/** Arguments and environment of a container do not fit; upstream's limit is of the same order (ARG_MAX). */
export class InitBlockOverflow extends Error {}

/**
 * The block for descriptor 3: records in order, then the data they point to.
 * Equal texts are stored once. Throws InitBlockOverflow when it exceeds 1 MiB.
 */
export function encodeInitList(steps: readonly InitStep[], architecture: Architecture): Uint8Array {
  const writer = new BlockWriter(RECORDS_AT + steps.length * RECORD.size);
  const resultAt = new Map<string, number>();
  writer.word(0, BigInt(steps.length));
  steps.forEach((step, index) => {
    const at = RECORDS_AT + index * RECORD.size;
    let flags = step.ignore === 'any' ? IGNORE_ERROR : step.ignore === 'missing' ? IGNORE_MISSING : 0;
    writer.word(at + RECORD.number, BigInt(syscallNumber(step.call, architecture)));
    step.args.forEach((argument, position) => {
      if (typeof argument === 'object' && 'result' in argument) flags |= 1 << position;
      writer.word(at + RECORD.args + 8 * position, encodeArgument(argument, writer, resultAt));
    });
    writer.word(at + RECORD.flags, BigInt(flags));
    if (step.name !== undefined) resultAt.set(step.name, BLOCK_ADDRESS + at + RECORD.result);
  });
  return writer.finish();
}

function encodeArgument(argument: InitArgument, writer: BlockWriter, resultAt: Map<string, number>): bigint {
  if (typeof argument === 'number') return BigInt(argument);
  if (typeof argument === 'bigint') return argument;
  if ('text' in argument) return writer.text(argument.text);
  if ('bytes' in argument) return writer.append(argument.bytes);
  if ('texts' in argument) return writer.texts(argument.texts);
  const address = resultAt.get(argument.result);
  if (address === undefined) throw new Error(`init list: no earlier step is named ${argument.result}`);
  return BigInt(address);
}

/** What the init reported, or null when it reported nothing (the program runs). */
export function decodeInitReport(report: Uint8Array): { index: number; errno: number } | null {
  if (report.length < REPORT_SIZE) return null;
  const view = new DataView(report.buffer, report.byteOffset, report.byteLength);
  return { index: view.getUint32(0, true), errno: view.getUint32(4, true) };
}

class BlockWriter {
  #buffer = Buffer.alloc(16384);
  #end: number;
  readonly #texts = new Map<string, bigint>();

  constructor(dataAt: number) {
    this.#end = dataAt;
    this.#reserve(0);
  }

  word(at: number, value: bigint): void {
    this.#buffer.writeBigUInt64LE(BigInt.asUintN(64, value), at);
  }

  text(text: string): bigint {
    const known = this.#texts.get(text);
    if (known !== undefined) return known;
    const address = this.append(Buffer.from(`${text}\0`));
    this.#texts.set(text, address);
    return address;
  }

  /** A NULL-terminated array of pointers, as argv and envp are. */
  texts(texts: readonly string[]): bigint {
    const addresses = texts.map((text) => this.text(text));
    const at = this.#reserve(8 * (addresses.length + 1));
    addresses.forEach((address, index) => this.word(at + 8 * index, address));
    return BigInt(BLOCK_ADDRESS + at);
  }

  append(bytes: Uint8Array): bigint {
    const at = this.#reserve(bytes.length);
    this.#buffer.set(bytes, at);
    return BigInt(BLOCK_ADDRESS + at);
  }

  finish(): Uint8Array {
    return this.#buffer.subarray(0, this.#end);
  }

  #reserve(length: number): number {
    const at = (this.#end + 7) & ~7;
    this.#end = at + length;
    if (this.#end > BLOCK_SIZE) {
      throw new InitBlockOverflow(`arguments and environment need more than ${BLOCK_SIZE} bytes`);
    }
    if (this.#end > this.#buffer.length) {
      const larger = Buffer.alloc(Math.min(BLOCK_SIZE, this.#end * 2));
      larger.set(this.#buffer);
      this.#buffer = larger;
    }
    return at;
  }
}
