import { badRequest } from '#api/machinery/status-error.ts';

/** Where the next page of a list begins, and the moment that all its pages show. */
export interface ContinueToken {
  readonly revision: number;
  /** Key of the last object of the page before. */
  readonly after: string;
}

/** Opaque to clients. */
export function writeContinue({ revision, after }: ContinueToken): string {
  return Buffer.from(JSON.stringify({ v: 'portolan/v1', rv: revision, after })).toString('base64url');
}

/** Throws 400 for what `writeContinue` has not written. */
export function readContinue(text: string): ContinueToken {
  try {
    const { v, rv, after }: { v?: unknown; rv?: unknown; after?: unknown } =
      JSON.parse(Buffer.from(text, 'base64url').toString()) ?? {};
    if (v === 'portolan/v1' && Number.isSafeInteger(rv) && typeof after === 'string')
      return { revision: Number(rv), after };
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
  }
  throw badRequest('continue key is not valid');
}
