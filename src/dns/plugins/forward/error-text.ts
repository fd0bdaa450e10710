/** No answer in time, over a connection or socket that is there. */
export class NoAnswerError extends Error {
  override name = 'NoAnswerError';

  constructor(timeoutMs: number) {
    super(`no answer in ${timeoutMs} ms`);
  }
}

const CAUSES: Readonly<Record<string, string>> = {
  ECONNREFUSED: 'connection refused',
  ECONNRESET: 'connection reset by peer',
  EHOSTUNREACH: 'no route to host',
  ENETUNREACH: 'network is unreachable',
  ETIMEDOUT: 'connection timed out',
};

/**
 * What went wrong with an upstream server, for the log. In CoreDNS's words, since `errors` consolidates by
 * patterns such as `^read udp .* i/o timeout$`. `to`: address and port.
 */
export function errorText(error: Error, protocol: string, to: string): string {
  const network = protocol === 'udp' ? 'udp' : 'tcp';
  if (error instanceof NoAnswerError) return `read ${network} ${to}: i/o timeout`;
  const { code, syscall } = error as NodeJS.ErrnoException;
  const cause = code === undefined ? undefined : CAUSES[code];
  if (cause === undefined) return `${protocol} ${to}: ${error.message}`;
  return syscall === 'connect'
    ? `dial ${network} ${to}: connect: ${cause}`
    : `read ${network} ${to}: read: ${cause}`;
}
