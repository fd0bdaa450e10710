/** Keys and certificates as PEM files, replaced whole or not at all. */
import { generateKeyPairSync } from 'node:crypto';
import { readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { KeyPair } from './pki.ts';

/** Undefined unless both files are there. */
export function readKeyPair(directory: string, stem: string): KeyPair | undefined {
  const certificate = readText(join(directory, `${stem}.crt`));
  const key = readText(join(directory, `${stem}.key`));
  return certificate === undefined || key === undefined ? undefined : { certificate, key };
}

export function writeKeyPair(directory: string, stem: string, pair: KeyPair): void {
  writeText(join(directory, `${stem}.key`), pair.key, 0o600);
  writeText(join(directory, `${stem}.crt`), pair.certificate, 0o644);
}

export function readText(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') {
      return undefined;
    }
    throw error;
  }
}

export function writeText(path: string, text: string, mode: number): void {
  const temporary = `${path}.${process.pid}.new`;
  writeFileSync(temporary, text, { mode, flush: true });
  renameSync(temporary, path);
}

/** A private key for ES256 signatures, PKCS #8 PEM. */
export function createSigningKey(): string {
  const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  return privateKey.export({ type: 'pkcs8', format: 'pem' });
}
