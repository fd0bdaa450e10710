import type { KeyToPath, PodSpec, Volume, VolumeProjection } from '#api/core/v1.gen.ts';
import {
  duplicate,
  type FieldError,
  forbidden,
  invalid,
  notSupported,
  required,
} from '#api/machinery/field-error.ts';
import { dns1123Label } from '#api/machinery/names.ts';
import { validateRelativePath } from './container-validate.ts';
import { VOLUME_FIELDS, validateFieldPath } from './env-validate.ts';

const HOST_PATH_TYPES = [
  '',
  'DirectoryOrCreate',
  'Directory',
  'FileOrCreate',
  'File',
  'Socket',
  'CharDevice',
  'BlockDevice',
];
const MAX_MODE = 0o777;
const MIN_TOKEN_SECONDS = 600;
const MAX_TOKEN_SECONDS = 2 ** 32;

/** Findings about a pod's volumes. */
export function validateVolumes(spec: PodSpec, path: string): FieldError[] {
  const names = new Set<string>();
  return (spec.volumes ?? []).flatMap((volume, index) => {
    const at = `${path}.volumes[${index}]`;
    const { name } = volume;
    const errors: FieldError[] = [];
    if (name === '') errors.push(required(`${at}.name`));
    else errors.push(...dns1123Label(name).map((text) => invalid(`${at}.name`, name, text)));
    if (names.has(name)) errors.push(duplicate(`${at}.name`, name));
    names.add(name);
    return [...errors, ...validateOneSource(volume, at), ...validateSource(volume, at, spec)];
  });
}

function validateOneSource(volume: Volume, path: string): FieldError[] {
  const sources = Object.entries(volume).filter(
    ([name, value]) => name !== 'name' && value !== undefined && value !== null,
  );
  if (sources.length === 0) return [required(path, 'must specify a volume type')];
  // The first source in the type's order counts, every other one is too many.
  return sources
    .slice(1)
    .map(([name]) => forbidden(`${path}.${name}`, 'may not specify more than 1 volume type'));
}

function validateSource(volume: Volume, path: string, spec: PodSpec): FieldError[] {
  const { hostPath, configMap, secret, downwardAPI, projected, persistentVolumeClaim } = volume;
  const errors: FieldError[] = [];
  if (hostPath) {
    if (hostPath.path === '') errors.push(required(`${path}.hostPath.path`));
    if (hostPath.path.split('/').includes('..'))
      errors.push(invalid(`${path}.hostPath.path`, hostPath.path, "must not contain '..'"));
    if (!HOST_PATH_TYPES.includes(hostPath.type ?? '')) {
      errors.push(notSupported(`${path}.hostPath.type`, hostPath.type, HOST_PATH_TYPES));
    }
  }
  if (configMap) {
    if (!configMap.name) errors.push(required(`${path}.configMap.name`));
    errors.push(...validateMode(configMap.defaultMode, `${path}.configMap.defaultMode`));
    errors.push(...validateItems(configMap.items, `${path}.configMap.items`));
  }
  if (secret) {
    if (!secret.secretName) errors.push(required(`${path}.secret.secretName`));
    errors.push(...validateMode(secret.defaultMode, `${path}.secret.defaultMode`));
    errors.push(...validateItems(secret.items, `${path}.secret.items`));
  }
  if (downwardAPI) errors.push(...validateDownward(downwardAPI.items, `${path}.downwardAPI`));
  if (persistentVolumeClaim?.claimName === '')
    errors.push(required(`${path}.persistentVolumeClaim.claimName`));
  if (projected) {
    errors.push(...validateMode(projected.defaultMode, `${path}.projected.defaultMode`));
    projected.sources?.forEach((source, index) => {
      errors.push(...validateProjection(source, `${path}.projected.sources[${index}]`, spec));
    });
  }
  return errors;
}

function validateMode(mode: number | undefined, path: string): FieldError[] {
  if (typeof mode !== 'number' || (mode >= 0 && mode <= MAX_MODE)) return [];
  return [invalid(path, mode, 'must be a number between 0 and 0777 (octal), both inclusive')];
}

function validateItems(items: readonly KeyToPath[] | undefined, path: string): FieldError[] {
  return (items ?? []).flatMap(({ key, path: target, mode }, index) => {
    const at = `${path}[${index}]`;
    const errors = key === '' ? [required(`${at}.key`)] : [];
    if (target === '') errors.push(required(`${at}.path`));
    else errors.push(...validateRelativePath(target, `${at}.path`));
    return [...errors, ...validateMode(mode, `${at}.mode`)];
  });
}

function validateDownward(
  items:
    | readonly { path: string; mode?: number | undefined; fieldRef?: { fieldPath: string } | undefined }[]
    | undefined,
  path: string,
): FieldError[] {
  return (items ?? []).flatMap((item, index) => {
    const at = `${path}.items[${index}]`;
    const errors =
      item.path === '' ? [required(`${at}.path`)] : validateRelativePath(item.path, `${at}.path`);
    if (item.fieldRef)
      errors.push(...validateFieldPath(item.fieldRef.fieldPath, `${at}.fieldRef.fieldPath`, VOLUME_FIELDS));
    return [...errors, ...validateMode(item.mode, `${at}.mode`)];
  });
}

function validateProjection(source: VolumeProjection, path: string, spec: PodSpec): FieldError[] {
  const errors: FieldError[] = [];
  if (source.configMap) {
    if (!source.configMap.name) errors.push(required(`${path}.configMap.name`));
    errors.push(...validateItems(source.configMap.items, `${path}.configMap.items`));
  }
  if (source.secret) {
    if (!source.secret.name) errors.push(required(`${path}.secret.name`));
    errors.push(...validateItems(source.secret.items, `${path}.secret.items`));
  }
  if (source.downwardAPI) errors.push(...validateDownward(source.downwardAPI.items, `${path}.downwardAPI`));
  if (source.serviceAccountToken)
    errors.push(...validateToken(source.serviceAccountToken, `${path}.serviceAccountToken`, spec));
  return errors;
}

function validateToken(
  token: { path: string; expirationSeconds?: number | undefined },
  path: string,
  spec: PodSpec,
): FieldError[] {
  const seconds = token.expirationSeconds ?? 0;
  const errors: FieldError[] = [];
  if (!spec.serviceAccountName) {
    errors.push(forbidden(path, 'must not be specified when serviceAccountName is not set'));
  }
  if (seconds < MIN_TOKEN_SECONDS) {
    errors.push(
      invalid(`${path}.expirationSeconds`, seconds, 'may not specify a duration less than 10 minutes'),
    );
  } else if (seconds > MAX_TOKEN_SECONDS) {
    errors.push(
      invalid(`${path}.expirationSeconds`, seconds, 'may not specify a duration larger than 2^32 seconds'),
    );
  }
  if (token.path === '') errors.push(required(`${path}.path`));
  return errors;
}
