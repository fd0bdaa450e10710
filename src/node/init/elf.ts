import { BLOCK_ADDRESS, BLOCK_SIZE } from './block.ts';

/** Where code is loaded; static and not relocatable, so that the program needs no loader. */
const TEXT_ADDRESS = 0x40_0000;
const HEADER_SIZE = 64;
const SEGMENT_SIZE = 56;
/** 64 KiB: the largest page size of arm64 kernels; larger alignment than needed does no harm. */
const ALIGN = 0x10000;

/** ELF machine numbers. */
export const ELF_MACHINE = { x64: 62, arm64: 183 } as const;
export type Architecture = keyof typeof ELF_MACHINE;

const READ_EXECUTE = 5;
const READ_WRITE = 6;

/** A static ELF64 executable: header, three program headers (code, block, stack without execution), code. */
export function buildElf(architecture: Architecture, code: Uint8Array): Uint8Array {
  const codeAt = HEADER_SIZE + 3 * SEGMENT_SIZE;
  const file = new Uint8Array(codeAt + code.length);
  const view = new DataView(file.buffer);
  file.set([0x7f, 0x45, 0x4c, 0x46, 2, 1, 1]);
  view.setUint16(16, 2, true); // ET_EXEC
  view.setUint16(18, ELF_MACHINE[architecture], true);
  view.setUint32(20, 1, true);
  view.setBigUint64(24, BigInt(TEXT_ADDRESS + codeAt), true);
  view.setBigUint64(32, BigInt(HEADER_SIZE), true);
  view.setUint16(52, HEADER_SIZE, true);
  view.setUint16(54, SEGMENT_SIZE, true);
  view.setUint16(56, 3, true);
  const segment = (
    index: number,
    type: number,
    flags: number,
    address: number,
    fileSize: number,
    size: number,
  ): void => {
    const at = HEADER_SIZE + index * SEGMENT_SIZE;
    view.setUint32(at, type, true);
    view.setUint32(at + 4, flags, true);
    view.setBigUint64(at + 16, BigInt(address), true);
    view.setBigUint64(at + 24, BigInt(address), true);
    view.setBigUint64(at + 32, BigInt(fileSize), true);
    view.setBigUint64(at + 40, BigInt(size), true);
    view.setBigUint64(at + 48, BigInt(type === 1 ? ALIGN : 16), true);
  };
  segment(0, 1, READ_EXECUTE, TEXT_ADDRESS, file.length, file.length);
  segment(1, 1, READ_WRITE, BLOCK_ADDRESS, 0, BLOCK_SIZE);
  segment(2, 0x6474e551, READ_WRITE, 0, 0, 0); // PT_GNU_STACK
  file.set(code, codeAt);
  return file;
}
