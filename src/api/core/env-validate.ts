import type { Container, EnvVar, EnvVarSource } from '#api/core/v1.gen.ts';
import { type FieldError, invalid, notSupported, required } from '#api/machinery/field-error.ts';
import { configMapKey, dns1123Subdomain, envVarName, qualifiedName } from '#api/machinery/names.ts';

const FIELDS = [
  'metadata.name',
  'metadata.namespace',
  'metadata.uid',
  'spec.nodeName',
  'spec.serviceAccountName',
  'status.hostIP',
  'status.hostIPs',
  'status.podIP',
  'status.podIPs',
];
const MAP_FIELDS = ['metadata.annotations', 'metadata.labels'];
const RESOURCES = /^(?:limits|requests)\.(?:cpu|memory|ephemeral-storage|hugepages-.+)$/;

/** Findings about a container's env and envFrom. */
export function validateEnv(container: Container, path: string): FieldError[] {
  const variables = (container.env ?? []).flatMap((variable, index) =>
    validateVariable(variable, `${path}.env[${index}]`),
  );
  const sources = (container.envFrom ?? []).flatMap(({ prefix = '', configMapRef, secretRef }, index) => {
    const at = `${path}.envFrom[${index}]`;
    const errors =
      prefix === '' ? [] : envVarName(prefix).map((text) => invalid(`${at}.prefix`, prefix, text));
    if (configMapRef && secretRef)
      errors.push(invalid(at, '', 'may not have more than one field specified at a time'));
    else if (!configMapRef && !secretRef) {
      errors.push(invalid(at, '', 'must specify one of: `configMapRef` or `secretRef`'));
    }
    if (configMapRef?.name === '') errors.push(required(`${at}.configMapRef.name`));
    if (secretRef?.name === '') errors.push(required(`${at}.secretRef.name`));
    return errors;
  });
  return [...variables, ...sources];
}

function validateVariable({ name, value = '', valueFrom }: EnvVar, path: string): FieldError[] {
  const errors: FieldError[] = [];
  if (name === '') errors.push(required(`${path}.name`));
  else errors.push(...envVarName(name).map((text) => invalid(`${path}.name`, name, text)));
  if (!valueFrom) return errors;
  const given = Object.values(valueFrom).filter((source) => source !== undefined && source !== null);
  const at = `${path}.valueFrom`;
  if (given.length === 0)
    errors.push(
      invalid(
        at,
        '',
        'must specify one of: `fieldRef`, `resourceFieldRef`, `configMapKeyRef`, `secretKeyRef` or `fileKeyRef`',
      ),
    );
  else if (value !== '') errors.push(invalid(at, '', 'may not be specified when `value` is not empty'));
  else if (given.length > 1)
    errors.push(invalid(at, '', 'may not have more than one field specified at a time'));
  return [...errors, ...validateSource(valueFrom, at)];
}

function validateSource(source: EnvVarSource, path: string): FieldError[] {
  const errors: FieldError[] = [];
  if (source.fieldRef)
    errors.push(...validateFieldPath(source.fieldRef.fieldPath, `${path}.fieldRef.fieldPath`, FIELDS));
  if (source.resourceFieldRef) {
    const { resource } = source.resourceFieldRef;
    const at = `${path}.resourceFieldRef.resource`;
    if (resource === '') errors.push(required(at));
    else if (!RESOURCES.test(resource))
      errors.push(
        notSupported(at, resource, ['limits.cpu', 'limits.memory', 'requests.cpu', 'requests.memory']),
      );
  }
  for (const field of ['configMapKeyRef', 'secretKeyRef'] as const) {
    const reference = source[field];
    if (!reference) continue;
    const { name = '', key } = reference;
    if (name === '') errors.push(required(`${path}.${field}.name`));
    else errors.push(...dns1123Subdomain(name).map((text) => invalid(`${path}.${field}.name`, name, text)));
    if (key === '') errors.push(required(`${path}.${field}.key`));
    else errors.push(...configMapKey(key).map((text) => invalid(`${path}.${field}.key`, key, text)));
  }
  return errors;
}

/** Findings about the path of a pod's field that is handed to its containers; `known` may be whole. */
export function validateFieldPath(fieldPath: string, path: string, known: readonly string[]): FieldError[] {
  if (fieldPath === '') return [required(path)];
  const subscript = /^(metadata\.(?:annotations|labels))\['(.*)'\]$/.exec(fieldPath);
  if (subscript?.[1] !== undefined) {
    const key = subscript[2] ?? '';
    return qualifiedName(key.toLowerCase()).map((text) => invalid(path, key, text));
  }
  if (known.includes(fieldPath)) return [];
  if (/^(?:metadata|spec|status)\./.test(fieldPath) && KNOWN_ROOTS.has(fieldPath)) {
    return [notSupported(path, fieldPath, known)];
  }
  return [invalid(path, fieldPath, 'error converting fieldPath: field label not supported')];
}

/** Fields that exist for selectors and yet cannot be handed to containers. */
const KNOWN_ROOTS = new Set([
  ...MAP_FIELDS,
  'spec.restartPolicy',
  'spec.schedulerName',
  'status.phase',
  'status.nominatedNodeName',
]);

/** What a volume of the downward API may show. */
export const VOLUME_FIELDS = [...MAP_FIELDS, 'metadata.name', 'metadata.namespace', 'metadata.uid'];
