/** Whether a certificate that is already there still does what is asked of it. */
import { createPrivateKey, X509Certificate } from 'node:crypto';
import { isIP } from 'node:net';
import type { CertificateRequest, KeyPair } from './pki.ts';

const USAGE_OIDS = { serverAuth: '1.3.6.1.5.5.7.3.1', clientAuth: '1.3.6.1.5.5.7.3.2' } as const;

/**
 * True if the certificate is valid beyond `goodUntil`, has this subject, usages and exactly these alternative
 * names, belongs to its key, and was signed by `authority` (PEM; absent: it is an authority itself).
 */
export function isUsable(
  pair: KeyPair,
  request: CertificateRequest,
  authority: string | undefined,
  goodUntil: Date,
): boolean {
  try {
    const certificate = new X509Certificate(pair.certificate);
    return (
      certificate.validToDate > goodUntil &&
      certificate.checkPrivateKey(createPrivateKey(pair.key)) &&
      certificate.ca === (authority === undefined) &&
      isSignedBy(certificate, authority) &&
      certificate.subject === subjectText(request) &&
      request.usages.every((usage) => certificate.keyUsage?.includes(USAGE_OIDS[usage])) &&
      haveSameMembers(alternativeNames(certificate), requestedNames(request))
    );
  } catch {
    // Not PEM, not a certificate, not a key: whatever it is, it has to be made anew.
    return false;
  }
}

function isSignedBy(certificate: X509Certificate, authority: string | undefined): boolean {
  if (authority === undefined) {
    return certificate.verify(certificate.publicKey);
  }
  const issuer = new X509Certificate(authority);
  return certificate.checkIssued(issuer) && certificate.verify(issuer.publicKey);
}

/** As node:crypto prints subjects: one attribute a line, in the order of the certificate. */
function subjectText(request: CertificateRequest): string {
  return [...(request.organizations ?? []).map((name) => `O=${name}`), `CN=${request.commonName}`].join('\n');
}

function requestedNames(request: CertificateRequest): string[] {
  return [...(request.dnsNames ?? []), ...(request.ipAddresses ?? []).map(canonicalAddress)];
}

function alternativeNames(certificate: X509Certificate): string[] {
  return (certificate.subjectAltName ?? '')
    .split(', ')
    .filter((entry) => entry !== '')
    .map((entry) => {
      const value = entry.slice(entry.indexOf(':') + 1);
      return isIP(value) ? canonicalAddress(value) : value;
    });
}

/** One spelling per address: the URL parser's, which is RFC 5952 for IPv6. */
function canonicalAddress(address: string): string {
  return isIP(address) === 6 ? new URL(`http://[${address}]`).hostname : address;
}

function haveSameMembers(left: readonly string[], right: readonly string[]): boolean {
  const a = new Set(left);
  const b = new Set(right);
  return a.size === b.size && [...a].every((name) => b.has(name));
}
