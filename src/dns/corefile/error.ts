/** Where something stands in a Corefile or in a file that it imports. */
export interface Position {
  readonly file: string;
  /** From 1. */
  readonly line: number;
}

/** A configuration that cannot be used. The message begins with file and line and says what would be right. */
export class CorefileError extends Error {
  override readonly name = 'CorefileError';
  readonly where: Position;

  constructor(where: Position, problem: string) {
    super(`${where.file}:${where.line}: ${problem}`);
    this.where = where;
  }
}
