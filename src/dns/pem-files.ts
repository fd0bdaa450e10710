import { createPrivateKey, type KeyObject, X509Certificate } from 'node:crypto';
import { readFileSync } from 'node:fs';

/** Names of files in PEM: a certificate with its key, authorities, or both. */
export interface PemFiles {
  readonly certificate?: string | undefined;
  readonly key?: string | undefined;
  readonly ca?: string | undefined;
}

/** Throws, naming the file, unless these files in PEM can be used together. */
export function checkPemFiles(files: PemFiles): void {
  if (files.certificate !== undefined && files.key !== undefined) {
    const certificate = readCertificate(files.certificate);
    const key = readKey(files.key);
    if (!certificate.checkPrivateKey(key))
      throw new Error(`${files.key} is not the key of the certificate in ${files.certificate}`);
  }
  if (files.ca !== undefined) readCertificate(files.ca);
}

function readCertificate(file: string): X509Certificate {
  const text = readPem(file);
  try {
    return new X509Certificate(text);
  } catch (cause) {
    throw new Error(`${file} holds no certificate in PEM`, { cause });
  }
}

function readKey(file: string): KeyObject {
  const text = readPem(file);
  try {
    return createPrivateKey(text);
  } catch (cause) {
    throw new Error(`${file} holds no private key in PEM without a passphrase`, { cause });
  }
}

function readPem(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch (cause) {
    throw new Error(`${file} cannot be read (${(cause as NodeJS.ErrnoException).code})`, { cause });
  }
}
