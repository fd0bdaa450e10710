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
  const text = causeText(rootOf(error), protocol === 'udp' ? 'udp' : 'tcp', to);
  return protocol === 'https' ? `Post "https://${to}/dns-query": ${text}` : text;
}

function causeText(error: Error, network: string, to: string): string {
  if (error instanceof NoAnswerError) return `read ${network} ${to}: i/o timeout`;
  const { code, syscall } = error as NodeJS.ErrnoException;
  const cause = code === undefined ? undefined : CAUSES[code];
  // What follows is advice for programmers.
  if (cause === undefined && isAboutCertificate(code))
    return `tls: failed to verify certificate: x509: ${error.message.split(';')[0]}`;
  if (cause === undefined) return `${network} ${to}: ${error.message}`;
  return syscall === 'connect'
    ? `dial ${network} ${to}: connect: ${cause}`
    : `read ${network} ${to}: read: ${cause}`;
}

/** As OpenSSL and Node name what they do not like about one. */
function isAboutCertificate(code: string | undefined): boolean {
  return code !== undefined && /CERT|^UNABLE_TO|SIGNATURE|^HOSTNAME_MISMATCH/.test(code);
}

function rootOf(error: Error): Error {
  return error.cause instanceof Error ? rootOf(error.cause) : error;
}
