// metadata: what every kind's must be, and what of it may not change. Rules and sentences are upstream's
// (k8s.io/apimachinery api/validation).
import type { ObjectMeta, OwnerReference } from '#api/meta/v1.gen.ts';
import { equalJson } from './equal.ts';
import { duplicate, type FieldError, forbidden, invalid, required, tooLong } from './field-error.ts';
import type { KindInfo } from './kinds.ts';
import {
  byteLength,
  dns1123Label,
  dns1123Subdomain,
  labelValue,
  nameCheck,
  pathSegmentName,
  qualifiedName,
} from './names.ts';

/** All annotations together may be this long. */
const MAX_ANNOTATIONS_BYTES = 256 * 1024;
const IMMUTABLE = 'field is immutable';
const STANDARD_FINALIZERS = new Set(['kubernetes', 'orphan', 'foregroundDeletion']);

/** What is wrong with a name, in sentences; `prefix` when it is a generateName. */
export type NameCheck = (name: string, prefix: boolean) => string[];

/** The rule of most kinds: a DNS-1123 subdomain. */
export const SUBDOMAIN_NAME: NameCheck = nameCheck(dns1123Subdomain);
/** A DNS-1123 label. */
export const LABEL_NAME: NameCheck = nameCheck(dns1123Label);
/** Anything that fits into a URL path (RBAC). */
export const PATH_NAME: NameCheck = pathSegmentName;

/** Findings about an object's metadata. */
export function validateMeta(meta: ObjectMeta, kind: KindInfo, checkName: NameCheck): FieldError[] {
  return [
    ...validateNames(meta, kind, checkName),
    ...validateLabels(meta.labels, 'metadata.labels'),
    ...validateAnnotations(meta.annotations, 'metadata.annotations'),
    ...validateOwnerReferences(meta.ownerReferences ?? []),
    ...validateFinalizers(meta.finalizers ?? []),
  ];
}

function validateNames(meta: ObjectMeta, kind: KindInfo, checkName: NameCheck): FieldError[] {
  const { name = '', generateName = '', namespace = '' } = meta;
  const errors: FieldError[] = [];
  for (const text of generateName === '' ? [] : checkName(generateName, true)) {
    errors.push(invalid('metadata.generateName', generateName, text));
  }
  if (name === '') errors.push(required('metadata.name', 'name or generateName is required'));
  else errors.push(...checkName(name, false).map((text) => invalid('metadata.name', name, text)));
  if (kind.namespaced) {
    if (namespace === '') errors.push(required('metadata.namespace'));
    else
      errors.push(...dns1123Label(namespace).map((text) => invalid('metadata.namespace', namespace, text)));
  } else if (namespace !== '') {
    errors.push(forbidden('metadata.namespace', 'not allowed on this type'));
  }
  if ((meta.generation ?? 0) < 0) {
    errors.push(invalid('metadata.generation', meta.generation, 'must be greater than or equal to 0'));
  }
  return errors;
}

/** Findings about labels, wherever they stand. */
export function validateLabels(labels: Record<string, string> | undefined, path: string): FieldError[] {
  return Object.entries(labels ?? {}).flatMap(([key, value]) => [
    ...qualifiedName(key).map((text) => invalid(path, key, text)),
    ...labelValue(value).map((text) => invalid(path, value, text)),
  ]);
}

/** Findings about annotations, wherever they stand. */
export function validateAnnotations(
  annotations: Record<string, string> | undefined,
  path: string,
): FieldError[] {
  const errors: FieldError[] = [];
  let total = 0;
  for (const [key, value] of Object.entries(annotations ?? {})) {
    errors.push(...qualifiedName(key.toLowerCase()).map((text) => invalid(path, key, text)));
    total += byteLength(key) + byteLength(value);
  }
  if (total > MAX_ANNOTATIONS_BYTES) errors.push(tooLong(path, MAX_ANNOTATIONS_BYTES));
  return errors;
}

function validateOwnerReferences(owners: readonly OwnerReference[]): FieldError[] {
  const errors: FieldError[] = [];
  let controller: string | undefined;
  owners.forEach((owner, index) => {
    const path = `metadata.ownerReferences[${index}]`;
    const parts = owner.apiVersion.split('/');
    if (owner.apiVersion === '') errors.push(required(`${path}.apiVersion`));
    else if (parts.length > 2 || parts.at(-1) === '') {
      errors.push(invalid(`${path}.apiVersion`, owner.apiVersion, 'must be a group and a version'));
    }
    for (const field of ['kind', 'name', 'uid'] as const) {
      if (owner[field] === '') errors.push(required(`${path}.${field}`));
    }
    if (parts.length === 1 && owner.kind === 'Event') {
      errors.push(invalid(path, owner, 'is disallowed from being an owner'));
    }
    if (owner.controller !== true) return;
    const name = `${owner.kind}/${owner.name}`;
    if (controller !== undefined) {
      const text = `Only one reference can have Controller set to true. Found "true" in references for ${controller} and ${name}`;
      errors.push(invalid('metadata.ownerReferences', owners, text));
    }
    controller = name;
  });
  return errors;
}

function validateFinalizers(finalizers: readonly string[]): FieldError[] {
  const path = 'metadata.finalizers';
  const errors = finalizers.flatMap((finalizer, index) =>
    validateFinalizer(finalizer, path, `${path}[${index}]`),
  );
  if (finalizers.includes('orphan') && finalizers.includes('foregroundDeletion')) {
    const text = 'finalizer "orphan" and "foregroundDeletion" cannot be both set';
    errors.push(invalid('metadata.finalizers', finalizers, text));
  }
  return errors;
}

/** Findings about one finalizer: a qualified name, with a domain unless it is one of Kubernetes' own. */
export function validateFinalizer(finalizer: string, path: string, itemPath: string = path): FieldError[] {
  const errors = qualifiedName(finalizer).map((text) => invalid(path, finalizer, text));
  if (!finalizer.includes('/') && !STANDARD_FINALIZERS.has(finalizer)) {
    const text = 'name is neither a standard finalizer name nor is it fully qualified';
    errors.push(invalid(itemPath, finalizer, text));
  }
  return errors;
}

/** Findings about what a request changes in the metadata. */
export function validateMetaUpdate(
  meta: ObjectMeta,
  old: ObjectMeta,
  kind: KindInfo,
  checkName: NameCheck,
): FieldError[] {
  const errors: FieldError[] = [];
  const known = new Set(old.finalizers);
  const added = (meta.finalizers ?? []).filter((finalizer) => !known.has(finalizer));
  if (old.deletionTimestamp && added.length > 0) {
    const text = `no new finalizers can be added if the object is being deleted, found new finalizers ${JSON.stringify(added)}`;
    errors.push(forbidden('metadata.finalizers', text));
  }
  if (meta.resourceVersion === '' || meta.resourceVersion === undefined) {
    errors.push(invalid('metadata.resourceVersion', '', 'must be specified for an update'));
  }
  if ((meta.generation ?? 0) < (old.generation ?? 0)) {
    errors.push(invalid('metadata.generation', meta.generation, 'must not be decremented'));
  }
  const fixed = [
    'name',
    'namespace',
    'uid',
    'creationTimestamp',
    'deletionTimestamp',
    'deletionGracePeriodSeconds',
  ] as const;
  for (const field of fixed) {
    if (!equalJson(meta[field], old[field]))
      errors.push(invalid(`metadata.${field}`, meta[field], IMMUTABLE));
  }
  const general = validateMeta(meta, kind, checkName);
  return [
    ...errors,
    ...general.filter(({ field }) => field !== 'metadata.name' && field !== 'metadata.generateName'),
  ];
}

/** The finding for a field that may not change. */
export function validateImmutable(value: unknown, old: unknown, path: string): FieldError[] {
  return equalJson(value, old) ? [] : [invalid(path, value, IMMUTABLE)];
}

/** The finding for numbers that may not be negative. */
export function validateNonNegative(value: number | undefined, path: string): FieldError[] {
  return (value ?? 0) < 0 ? [invalid(path, value, 'must be greater than or equal to 0')] : [];
}

/** The finding for a list whose items must differ in a key. */
export function validateUnique<T>(
  items: readonly T[],
  key: (item: T) => string,
  path: (index: number) => string,
): FieldError[] {
  const seen = new Set<string>();
  return items.flatMap((item, index) => {
    const text = key(item);
    if (seen.has(text)) return [duplicate(path(index), text)];
    seen.add(text);
    return [];
  });
}
