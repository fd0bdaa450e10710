import {
  BLOCK_ADDRESS,
  BLOCK_FD,
  BLOCK_SIZE,
  ERROR_FD,
  INIT_FAILED_STATUS,
  RECORD,
  RECORDS_AT,
  REPORT_FD,
  REPORT_SIZE,
} from './block.ts';
import { MachineCode } from './machine-code.ts';

const ENOENT = 2;
const IGNORE_ERROR_BIT = 8;
const IGNORE_MISSING_BIT = 9;
const WRITE = 64;
const EXIT_GROUP = 94;
const READ = 63;
const DUP3 = 24;
const CLOSE = 57;
const O_CLOEXEC = 0x8_0000;
const SVC = 0xd4000001;

const movz = (rd: number, value: number, shift16 = 0): number =>
  (0xd2800000 | (shift16 << 21) | (value << 5) | rd) >>> 0;
const movRegister = (rd: number, rm: number): number => (0xaa0003e0 | (rm << 16) | rd) >>> 0;
const addRegister = (rd: number, rn: number, rm: number): number =>
  (0x8b000000 | (rm << 16) | (rn << 5) | rd) >>> 0;
const subRegister = (rd: number, rn: number, rm: number): number =>
  (0xcb000000 | (rm << 16) | (rn << 5) | rd) >>> 0;
const addImmediate = (rd: number, rn: number, value: number): number =>
  (0x91000000 | (value << 10) | (rn << 5) | rd) >>> 0;
const load64 = (rt: number, rn: number, offset: number): number =>
  (0xf9400000 | ((offset / 8) << 10) | (rn << 5) | rt) >>> 0;
const store64 = (rt: number, rn: number, offset: number): number =>
  (0xf9000000 | ((offset / 8) << 10) | (rn << 5) | rt) >>> 0;
const store32 = (rt: number, rn: number, offset: number): number =>
  (0xb9000000 | ((offset / 4) << 10) | (rn << 5) | rt) >>> 0;
const compareRegister = (rn: number, rm: number): number => (0xeb00001f | (rm << 16) | (rn << 5)) >>> 0;
const compareImmediate = (rn: number, value: number): number =>
  (0xf100001f | (value << 10) | (rn << 5)) >>> 0;
/** cmn: compare with a negative immediate. */
const compareNegative = (rn: number, value: number): number => (0xb100001f | (value << 10) | (rn << 5)) >>> 0;
const negate = (rd: number, rm: number): number => (0xcb0003e0 | (rm << 16) | rd) >>> 0;
/** tbz/tbnz over exactly one instruction or to a label. */
const testBit = (register: number, bit: number, nonzero: boolean): number =>
  ((nonzero ? 0x37000000 : 0x36000000) | (bit << 19) | register) >>> 0;

/** Condition codes of b.cond. */
const EQUAL = 0;
const UNSIGNED_AT_LEAST = 2;
const NEGATIVE = 4;

/** The interpreter loop for arm64. x19 = block, x20 = bytes read, x21 = count, x22 = index, x23 = record, x24 = flags. */
export function programArm64(): Uint8Array {
  const code = new MachineCode();
  const always = (label: string): MachineCode => branch(code, 0x14000000, label, 26, 0);
  const when = (condition: number, label: string): MachineCode =>
    branch(code, (0x54000000 | condition) >>> 0, label, 19, 5);
  // dup3(4, report, O_CLOEXEC)
  code
    .word(movz(0, ERROR_FD))
    .word(movz(1, REPORT_FD))
    .word(movz(2, O_CLOEXEC >>> 16, 1));
  code.word(movz(8, DUP3)).word(SVC);
  code.word(movz(0, ERROR_FD)).word(movz(8, CLOSE)).word(SVC);
  code.word(movz(19, BLOCK_ADDRESS >>> 16, 1));
  code.word(movz(20, 0));
  code.label('read');
  code.word(movz(0, BLOCK_FD));
  code.word(addRegister(1, 19, 20));
  code.word(movz(2, BLOCK_SIZE >>> 16, 1));
  code.word(subRegister(2, 2, 20));
  code.word(movz(8, READ)).word(SVC);
  code.word(compareImmediate(0, 0));
  when(NEGATIVE, 'exit');
  when(EQUAL, 'loaded');
  code.word(addRegister(20, 20, 0));
  always('read');
  code.label('loaded');
  code.word(load64(21, 19, 0));
  code.word(movz(22, 0));
  code.word(addImmediate(23, 19, RECORDS_AT));
  code.label('next');
  code.word(compareRegister(22, 21));
  when(UNSIGNED_AT_LEAST, 'exit');
  code.word(load64(24, 23, RECORD.flags));
  for (let index = 0; index < 6; index++) {
    code.word(load64(index, 23, RECORD.args + 8 * index));
    code.word((testBit(24, index, false) | (2 << 5)) >>> 0); // tbz over one instruction
    code.word(load64(index, index, 0));
  }
  code.word(load64(8, 23, RECORD.number)).word(SVC);
  code.word(store64(0, 23, RECORD.result));
  code.word(compareNegative(0, 4095));
  when(UNSIGNED_AT_LEAST, 'error');
  code.label('advance');
  code.word(addImmediate(23, 23, RECORD.size));
  code.word(addImmediate(22, 22, 1));
  always('next');
  code.label('error');
  branch(code, testBit(24, IGNORE_ERROR_BIT, true), 'advance', 14, 5);
  code.word(negate(0, 0));
  branch(code, testBit(24, IGNORE_MISSING_BIT, false), 'report', 14, 5);
  code.word(compareImmediate(0, ENOENT));
  when(EQUAL, 'advance');
  code.label('report');
  code.word(store32(22, 19, 0)).word(store32(0, 19, 4));
  code.word(movz(0, REPORT_FD)).word(movRegister(1, 19)).word(movz(2, REPORT_SIZE));
  code.word(movz(8, WRITE)).word(SVC);
  code.label('exit');
  code.word(movz(0, INIT_FAILED_STATUS)).word(movz(8, EXIT_GROUP)).word(SVC);
  return code.seal();
}

/** A branch whose displacement, in words, is a field of `bits` bits at `shift`. */
function branch(code: MachineCode, word: number, label: string, bits: number, shift: number): MachineCode {
  code.word(word);
  return code.branch(code.length - 4, label, (view, at, target) => {
    const distance = ((target - at) / 4) & (2 ** bits - 1);
    view.setUint32(at, (view.getUint32(at, true) | (distance << shift)) >>> 0, true);
  });
}
