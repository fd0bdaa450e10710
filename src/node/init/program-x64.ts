import {
  BLOCK_ADDRESS,
  BLOCK_FD,
  BLOCK_SIZE,
  ERROR_FD,
  IGNORE_ERROR,
  IGNORE_MISSING,
  INIT_FAILED_STATUS,
  RECORD,
  RECORDS_AT,
  REPORT_FD,
  REPORT_SIZE,
} from './block.ts';
import { MachineCode } from './machine-code.ts';

const ENOENT = 2;
const DUP3 = 292;
const CLOSE = 3;
const O_CLOEXEC = 0x8_0000;
const imm32 = (value: number): number[] => [
  value & 255,
  (value >>> 8) & 255,
  (value >>> 16) & 255,
  value >>> 24,
];

/** The interpreter loop for x86-64. rbx = block, r12 = bytes read, r13 = count, r14 = index, r15 = record. */
export function programX64(): Uint8Array {
  const code = new MachineCode();
  const jump = (opcode: number[], label: string): MachineCode => {
    code.emit(...opcode, 0, 0, 0, 0);
    return code.branch(code.length - 4, label, (view, at, target) =>
      view.setInt32(at, target - at - 4, true),
    );
  };
  code.emit(0xb8, ...imm32(DUP3)); // mov eax, dup3      dup3(4, report, O_CLOEXEC)
  code.emit(0xbf, ...imm32(ERROR_FD)); // mov edi, 4
  code.emit(0xbe, ...imm32(REPORT_FD)); // mov esi, report
  code.emit(0xba, ...imm32(O_CLOEXEC)); // mov edx, O_CLOEXEC
  code.emit(0x0f, 0x05); // syscall
  code.emit(0xb8, ...imm32(CLOSE)); // mov eax, close
  code.emit(0x0f, 0x05); // syscall
  code.emit(0xbb, ...imm32(BLOCK_ADDRESS)); // mov ebx, block
  code.emit(0x45, 0x31, 0xe4); // xor r12d, r12d
  code.label('read');
  code.emit(0x31, 0xc0); // xor eax, eax          read(3, block + r12, size - r12)
  code.emit(0xbf, ...imm32(BLOCK_FD)); // mov edi, 3
  code.emit(0x4a, 0x8d, 0x34, 0x23); // lea rsi, [rbx+r12]
  code.emit(0xba, ...imm32(BLOCK_SIZE)); // mov edx, size
  code.emit(0x44, 0x29, 0xe2); // sub edx, r12d
  code.emit(0x0f, 0x05); // syscall
  code.emit(0x48, 0x85, 0xc0); // test rax, rax
  jump([0x0f, 0x88], 'exit'); // js exit
  jump([0x0f, 0x84], 'loaded'); // jz loaded
  code.emit(0x49, 0x01, 0xc4); // add r12, rax
  jump([0xe9], 'read');
  code.label('loaded');
  code.emit(0x4c, 0x8b, 0x2b); // mov r13, [rbx]
  code.emit(0x45, 0x31, 0xf6); // xor r14d, r14d
  code.emit(0x4c, 0x8d, 0x7b, RECORDS_AT); // lea r15, [rbx+8]
  code.label('next');
  code.emit(0x4d, 0x39, 0xee); // cmp r14, r13
  jump([0x0f, 0x83], 'exit'); // jae exit
  code.emit(0x49, 0x8b, 0x6f, RECORD.flags); // mov rbp, [r15+flags]
  emitArguments(code);
  code.emit(0x49, 0x8b, 0x07); // mov rax, [r15]
  code.emit(0x0f, 0x05); // syscall
  code.emit(0x49, 0x89, 0x47, RECORD.result); // mov [r15+result], rax
  code.emit(0x48, 0x3d, ...imm32(-4095)); // cmp rax, -4095
  jump([0x0f, 0x83], 'error'); // jae error
  code.label('advance');
  code.emit(0x49, 0x83, 0xc7, RECORD.size); // add r15, 72
  code.emit(0x49, 0xff, 0xc6); // inc r14
  jump([0xe9], 'next');
  code.label('error');
  code.emit(0xf7, 0xc5, ...imm32(IGNORE_ERROR)); // test ebp, ignore error
  jump([0x0f, 0x85], 'advance'); // jnz advance
  code.emit(0xf7, 0xd8); // neg eax
  code.emit(0xf7, 0xc5, ...imm32(IGNORE_MISSING)); // test ebp, ignore missing
  jump([0x0f, 0x84], 'report'); // jz report
  code.emit(0x83, 0xf8, ENOENT); // cmp eax, ENOENT
  jump([0x0f, 0x84], 'advance'); // je advance
  code.label('report');
  code.emit(0x44, 0x89, 0x33); // mov [rbx], r14d
  code.emit(0x89, 0x43, 0x04); // mov [rbx+4], eax
  code.emit(0xb8, ...imm32(1)); // mov eax, write
  code.emit(0xbf, ...imm32(REPORT_FD)); // mov edi, report
  code.emit(0x48, 0x89, 0xde); // mov rsi, rbx
  code.emit(0xba, ...imm32(REPORT_SIZE)); // mov edx, 8
  code.emit(0x0f, 0x05); // syscall
  code.label('exit');
  code.emit(0xb8, ...imm32(231)); // mov eax, exit_group
  code.emit(0xbf, ...imm32(INIT_FAILED_STATUS)); // mov edi, 127
  code.emit(0x0f, 0x05); // syscall
  return code.seal();
}

/** Loads rdi, rsi, rdx, r10, r8, r9 from the record, through the pointer where the record's flag says so. */
function emitArguments(code: MachineCode): void {
  const registers: [load: number[], follow: number[]][] = [
    [
      [0x49, 0x8b, 0x7f],
      [0x48, 0x8b, 0x3f],
    ], // mov rdi, [r15+n] | mov rdi, [rdi]
    [
      [0x49, 0x8b, 0x77],
      [0x48, 0x8b, 0x36],
    ], // rsi
    [
      [0x49, 0x8b, 0x57],
      [0x48, 0x8b, 0x12],
    ], // rdx
    [
      [0x4d, 0x8b, 0x57],
      [0x4d, 0x8b, 0x12],
    ], // r10
    [
      [0x4d, 0x8b, 0x47],
      [0x4d, 0x8b, 0x00],
    ], // r8
    [
      [0x4d, 0x8b, 0x4f],
      [0x4d, 0x8b, 0x09],
    ], // r9
  ];
  registers.forEach(([load, follow], index) => {
    code.emit(...load, RECORD.args + 8 * index);
    code.emit(0x40, 0xf6, 0xc5, 1 << index); // test bpl, bit
    code.emit(0x74, follow.length); // jz past the next instruction
    code.emit(...follow);
  });
}
