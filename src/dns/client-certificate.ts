import type { TLSSocket } from 'node:tls';

/** Whether clients need certificates, in CoreDNS's words. */
export type ClientAuth = 'nocert' | 'request' | 'require' | 'verify_if_given' | 'require_and_verify';

/** How the handshake has to go. What it lets through, `mayStay()` decides on. */
export function handshakeOptions(auth: ClientAuth = 'nocert'): {
  readonly requestCert: boolean;
  readonly rejectUnauthorized: boolean;
} {
  return { requestCert: auth !== 'nocert', rejectUnauthorized: auth === 'require_and_verify' };
}

/** Whether a client is what is asked of it, after its handshake. */
export function mayStay(socket: TLSSocket, auth: ClientAuth = 'nocert'): boolean {
  const hasCertificate = auth !== 'nocert' && Object.keys(socket.getPeerCertificate()).length > 0;
  if (auth === 'require') return hasCertificate;
  return auth !== 'verify_if_given' || !hasCertificate || socket.authorized;
}
