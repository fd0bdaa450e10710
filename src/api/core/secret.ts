import type { Secret } from '#api/core/v1.gen.ts';
import { type FieldError, invalid, required } from '#api/machinery/field-error.ts';
import type { StrategyParts } from '#api/machinery/strategy-parts.ts';
import { validateImmutable } from '#api/machinery/validate-meta.ts';
import { base64Bytes, validateImmutability, validateKeys, validateSize } from './keyed-data.ts';

/** Keys that a Secret of a type must have. */
const REQUIRED_KEYS: Readonly<Record<string, readonly string[]>> = {
  'kubernetes.io/dockercfg': ['.dockercfg'],
  'kubernetes.io/dockerconfigjson': ['.dockerconfigjson'],
  'kubernetes.io/ssh-auth': ['ssh-privatekey'],
  'kubernetes.io/tls': ['tls.crt', 'tls.key'],
};
const SERVICE_ACCOUNT_NAME = 'kubernetes.io/service-account.name';

export const secretStrategy: StrategyParts<Secret> = {
  defaults: defaultSecret,
  validate: validateSecret,
  validateUpdate: (secret, old) => [
    ...validateImmutable(secret.type, old.type, 'type'),
    ...validateImmutability(secret, old, ['data']),
    ...validateSecret(secret),
  ],
  prepareForUpdate: (secret, old) => {
    // A type that the request leaves out is not a change.
    if (secret.type === 'Opaque' && old.type === undefined) delete secret.type;
  },
  warnings: tlsWarnings,
  selectableFields: ({ type }) => ({ type: type ?? '' }),
};

/** stringData is for writing only: its texts become data, and win. */
function defaultSecret(secret: Secret): void {
  secret.type ??= 'Opaque';
  if (!secret.stringData) return;
  const encoded = Object.entries(secret.stringData).map(([key, text]) => [
    key,
    Buffer.from(text).toString('base64'),
  ]);
  const data: Record<string, string> = { ...secret.data, ...Object.fromEntries(encoded) };
  secret.data = Object.fromEntries(Object.entries(data).sort(([a], [b]) => (a < b ? -1 : Number(a > b))));
  delete secret.stringData;
}

function validateSecret(secret: Secret): FieldError[] {
  const { data, type = '' } = secret;
  return [
    ...validateKeys(data, 'data'),
    ...validateSize(base64Bytes(data), 'data'),
    ...(REQUIRED_KEYS[type] ?? []).flatMap((key) => validateKeyOfType(secret, key)),
    ...validateAccount(secret),
    ...validateBasicAuth(secret),
  ];
}

function validateKeyOfType({ data }: Secret, key: string): FieldError[] {
  const value = data?.[key];
  if (value === undefined) return [required(`data[${key}]`)];
  if (!key.startsWith('.dockerc')) return [];
  try {
    JSON.parse(Buffer.from(value, 'base64').toString());
    return [];
  } catch (error) {
    return [
      invalid(`data[${key}]`, '<secret contents redacted>', error instanceof Error ? error.message : ''),
    ];
  }
}

function validateAccount({ type, metadata }: Secret): FieldError[] {
  if (type !== 'kubernetes.io/service-account-token' || metadata?.annotations?.[SERVICE_ACCOUNT_NAME])
    return [];
  return [required(`metadata.annotations[${SERVICE_ACCOUNT_NAME}]`)];
}

/** One of the two is enough. */
function validateBasicAuth({ type, data }: Secret): FieldError[] {
  if (
    type !== 'kubernetes.io/basic-auth' ||
    data?.['username'] !== undefined ||
    data?.['password'] !== undefined
  ) {
    return [];
  }
  return [required('data[username]'), required('data[password]')];
}

function tlsWarnings({ type, data }: Secret): string[] {
  if (type !== 'kubernetes.io/tls') return [];
  const certificate = Buffer.from(data?.['tls.crt'] ?? '', 'base64').toString();
  return certificate.includes('-----BEGIN') ? [] : ['tls: failed to find any PEM data in certificate input'];
}
