import type { ConfigMap, Container, EnvVar, FileKeySelector, Pod, Secret } from '#api/core/v1.gen.ts';
import { planEnvFileValue } from './plan-env-file.ts';
import { expand } from './plan-expansion.ts';
import { type FieldFacts, fieldValue, resourceFieldValue } from './plan-field.ts';

/** The container cannot be made as it is described: the status says CreateContainerConfigError. */
export class ContainerConfigError extends Error {
  override readonly name = 'ContainerConfigError';
}

/** Objects that a container's environment refers to, by name in the pod's namespace; absent ones do not exist. */
export interface EnvironmentObjects {
  configMaps: ReadonlyMap<string, ConfigMap>;
  secrets: ReadonlyMap<string, Secret>;
  /** Texts of files in volumes, by `<volume>/<path>`; empty where there is none. */
  files?: ReadonlyMap<string, string> | undefined;
}

/** Names of what to fetch before planEnvironment(). */
export interface EnvironmentReferences {
  configMaps: string[];
  secrets: string[];
  files: { volumeName: string; path: string }[];
}

export function environmentReferences(container: Container): EnvironmentReferences {
  const configMaps = new Set<string>();
  const secrets = new Set<string>();
  const files: EnvironmentReferences['files'] = [];
  for (const { configMapRef, secretRef } of container.envFrom ?? []) {
    if (configMapRef?.name) configMaps.add(configMapRef.name);
    if (secretRef?.name) secrets.add(secretRef.name);
  }
  for (const { valueFrom } of container.env ?? []) {
    if (valueFrom?.configMapKeyRef?.name) configMaps.add(valueFrom.configMapKeyRef.name);
    if (valueFrom?.secretKeyRef?.name) secrets.add(valueFrom.secretKeyRef.name);
    if (valueFrom?.fileKeyRef) files.push(valueFrom.fileKeyRef);
  }
  return { configMaps: [...configMaps], secrets: [...secrets], files };
}

/**
 * The variables that Kubernetes gives a container: envFrom, then env over it, then Services where no name is taken.
 * Throws ContainerConfigError for a missing object or key that is not optional.
 */
export function planEnvironment(
  pod: Pod,
  container: Container,
  serviceEnv: readonly [string, string][],
  objects: EnvironmentObjects,
  facts: FieldFacts,
): Map<string, string> {
  const environment = new Map<string, string>();
  const services = new Map(serviceEnv);
  addEnvFrom(environment, container, objects);
  for (const variable of container.env ?? []) {
    const value = variableValue(variable, pod, container, objects, facts, (name) => {
      return environment.get(name) ?? services.get(name);
    });
    if (value !== undefined) environment.set(variable.name, value);
  }
  for (const [name, value] of services) if (!environment.has(name)) environment.set(name, value);
  return environment;
}

function addEnvFrom(
  environment: Map<string, string>,
  container: Container,
  objects: EnvironmentObjects,
): void {
  for (const { prefix = '', configMapRef, secretRef } of container.envFrom ?? []) {
    if (configMapRef?.name) {
      const map = objects.configMaps.get(configMapRef.name);
      if (!map && !configMapRef.optional) throw missing('configmap', configMapRef.name);
      for (const [key, value] of Object.entries(map?.data ?? {})) environment.set(prefix + key, value);
    }
    if (secretRef?.name) {
      const secret = objects.secrets.get(secretRef.name);
      if (!secret && !secretRef.optional) throw missing('secret', secretRef.name);
      for (const [key, value] of Object.entries(secret?.data ?? {}))
        environment.set(prefix + key, decode(value));
    }
  }
}

function variableValue(
  variable: EnvVar,
  pod: Pod,
  container: Container,
  objects: EnvironmentObjects,
  facts: FieldFacts,
  lookup: (name: string) => string | undefined,
): string | undefined {
  const { value, valueFrom } = variable;
  if (value !== undefined && value !== '') return expand(value, lookup);
  if (valueFrom === undefined) return '';
  const namespace = pod.metadata?.namespace ?? '';
  const { fieldRef, resourceFieldRef, configMapKeyRef, secretKeyRef, fileKeyRef } = valueFrom;
  if (fieldRef) return fieldValue(pod, fieldRef.fieldPath, facts) ?? invalidField(fieldRef.fieldPath);
  if (resourceFieldRef) {
    const named = resourceFieldRef.containerName;
    const of = named ? findContainer(pod, named) : container;
    return resourceFieldValue(of, resourceFieldRef, facts) ?? invalidField(resourceFieldRef.resource);
  }
  if (configMapKeyRef) {
    const { name = '', key, optional } = configMapKeyRef;
    const map = objects.configMaps.get(name);
    if (map?.data?.[key] !== undefined) return map.data[key];
    if (optional) return undefined;
    throw map ? missingKey(key, 'ConfigMap', namespace, name) : missing('configmap', name);
  }
  if (secretKeyRef) {
    const { name = '', key, optional } = secretKeyRef;
    const secret = objects.secrets.get(name);
    if (secret?.data?.[key] !== undefined) return decode(secret.data[key]);
    if (optional) return undefined;
    throw secret ? missingKey(key, 'Secret', namespace, name) : missing('secret', name);
  }
  if (fileKeyRef) return fileValue(fileKeyRef, objects.files);
  throw new ContainerConfigError(
    `the source of the variable ${variable.name} is not implemented by this node`,
  );
}

/** An empty value counts as none. */
function fileValue(
  { volumeName, path, key, optional }: FileKeySelector,
  files: EnvironmentObjects['files'],
): string | undefined {
  try {
    const value = planEnvFileValue(files?.get(`${volumeName}/${path}`) ?? '', key);
    if (value !== '') return value;
  } catch (cause) {
    throw new ContainerConfigError(`couldn't parse env file ${path}: ${(cause as Error).message}`, { cause });
  }
  if (optional) return undefined;
  throw new ContainerConfigError(`environment variable key "${key}" not found in file "${path}"`);
}

function findContainer(pod: Pod, name: string): Container {
  const all = [...(pod.spec?.containers ?? []), ...(pod.spec?.initContainers ?? [])];
  const found = all.find((candidate) => candidate.name === name);
  if (!found) throw new ContainerConfigError(`container ${name} not found`);
  return found;
}

const decode = (value: string): string => Buffer.from(value, 'base64').toString();

const missing = (kind: string, name: string): ContainerConfigError =>
  new ContainerConfigError(`${kind} "${name}" not found`);

const missingKey = (key: string, kind: string, namespace: string, name: string): ContainerConfigError =>
  new ContainerConfigError(`couldn't find key ${key} in ${kind} ${namespace}/${name}`);

const invalidField = (path: string): never => {
  throw new ContainerConfigError(`unsupported fieldPath: ${path}`);
};
