/**
 * What the container init reads from descriptor 3: how many records, the records, then the data they point to.
 * The block is loaded at a fixed address, so pointers in it (argv!) are final when it is written.
 */

/** Where the init's writable segment lies; a multiple of 64 KiB, the largest page size in use. */
export const BLOCK_ADDRESS = 0x1000_0000;
/** Room for records and data; also the limit for arguments and environment together. */
export const BLOCK_SIZE = 1 << 20;

/** Layout of a record: nine little-endian 64-bit words. */
export const RECORD = {
  size: 72,
  number: 0,
  args: 8,
  flags: 56,
  /** Written by the init: what the call returned; later records read it from here. */
  result: 64,
} as const;
export const RECORDS_AT = 8;

/** Flag bits 0..5: that argument is the address of the value, not the value. */
export const IGNORE_ERROR = 0x100;
/** ENOENT alone is no error: how a program is searched along PATH. */
export const IGNORE_MISSING = 0x200;

/** Exit status of an init that failed; the reason is on the descriptor of the report. */
export const INIT_FAILED_STATUS = 127;
export const BLOCK_FD = 3;
export const ERROR_FD = 4;
/** Sockets for the program, one after another, as the spawner hands them over. */
export const SOCKETS_FD = 5;
/** Where the init moves that descriptor first of all, to be closed by execve: those from 3 on may be the program's. */
export const REPORT_FD = 100;
/** The report: u32 index of the record, u32 errno. */
export const REPORT_SIZE = 8;
