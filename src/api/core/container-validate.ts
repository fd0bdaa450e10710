// What is wrong with a pod's containers.
import type { Container, ContainerPort, PodSpec, VolumeMount } from '#api/core/v1.gen.ts';
import {
  duplicate,
  type FieldError,
  forbidden,
  invalid,
  notFoundField,
  notSupported,
  required,
} from '#api/machinery/field-error.ts';
import { dns1123Label, portName, portNumber } from '#api/machinery/names.ts';
import { validateEnv } from './env-validate.ts';
import { validateLifecycle, validateProbes } from './probe-validate.ts';
import { validateResources } from './resources-validate.ts';
import { PROTOCOLS } from './service-validate-ports.ts';

const PULL_POLICIES = ['Always', 'IfNotPresent', 'Never'];
const MESSAGE_POLICIES = ['File', 'FallbackToLogsOnError'];

/** Findings about all containers of a pod spec. `isPod`: not a template. */
export function validateContainers(spec: PodSpec, path: string, isPod: boolean): FieldError[] {
  const containers = spec.containers ?? [];
  const names = new Set<string>();
  const hostPorts = new Set<string>();
  const errors: FieldError[] = [];
  if (containers.length === 0) errors.push(required(`${path}.containers`));
  containers.forEach((container, index) => {
    const at = `${path}.containers[${index}]`;
    errors.push(
      ...validateName(container, at, names),
      ...validateContainer(container, at, spec),
      ...validateProbes(container, at),
      ...validateLifecycle(container.lifecycle, `${at}.lifecycle`),
      ...validateHostPorts(container, at, hostPorts),
      ...(isPod && spec.hostNetwork === true ? validateHostNetworkPorts(container, at) : []),
    );
  });
  spec.initContainers?.forEach((container, index) => {
    const at = `${path}.initContainers[${index}]`;
    errors.push(...validateName(container, at, names), ...validateContainer(container, at, spec));
    errors.push(...validateInitContainer(container, at));
  });
  return errors;
}

function validateName({ name }: Container, path: string, names: Set<string>): FieldError[] {
  if (name === '') return [required(`${path}.name`)];
  const errors = dns1123Label(name).map((text) => invalid(`${path}.name`, name, text));
  if (names.has(name)) errors.push(duplicate(`${path}.name`, name));
  names.add(name);
  return errors;
}

/** A container that runs to its end has no use for probes; a sidecar (restartPolicy Always) has. */
function validateInitContainer(container: Container, path: string): FieldError[] {
  const not = 'may not be set for init containers without restartPolicy=Always';
  if (container.restartPolicy === 'Always') {
    return [
      ...validateProbes(container, path),
      ...validateLifecycle(container.lifecycle, `${path}.lifecycle`),
    ];
  }
  const fields = ['lifecycle', 'livenessProbe', 'readinessProbe', 'startupProbe'] as const;
  return fields.flatMap((field) => (container[field] ? [forbidden(`${path}.${field}`, not)] : []));
}

function validateContainer(container: Container, path: string, spec: PodSpec): FieldError[] {
  const { image = '', imagePullPolicy = '', terminationMessagePolicy = '' } = container;
  const errors: FieldError[] = [];
  if (image === '') errors.push(required(`${path}.image`));
  else if (image !== image.trim()) {
    errors.push(invalid(`${path}.image`, image, 'must not have leading or trailing whitespace'));
  }
  if (!PULL_POLICIES.includes(imagePullPolicy)) {
    errors.push(notSupported(`${path}.imagePullPolicy`, imagePullPolicy, PULL_POLICIES));
  }
  if (!MESSAGE_POLICIES.includes(terminationMessagePolicy)) {
    errors.push(
      invalid(
        `${path}.terminationMessagePolicy`,
        terminationMessagePolicy,
        `must be 'File' or 'FallbackToLogsOnError'`,
      ),
    );
  }
  return [
    ...errors,
    ...validatePorts(container.ports ?? [], `${path}.ports`),
    ...validateEnv(container, path),
    ...validateMounts(container.volumeMounts ?? [], `${path}.volumeMounts`, spec),
    ...validateResources(container.resources, `${path}.resources`),
  ];
}

function validatePorts(ports: readonly ContainerPort[], path: string): FieldError[] {
  const names = new Set<string>();
  return ports.flatMap((port, index) => {
    const at = `${path}[${index}]`;
    const { name = '', containerPort, hostPort = 0, protocol = '' } = port;
    const errors: FieldError[] = [];
    if (name !== '') {
      const texts = portName(name);
      errors.push(...texts.map((text) => invalid(`${at}.name`, name, text)));
      if (texts.length === 0 && names.has(name)) errors.push(duplicate(`${at}.name`, name));
      names.add(name);
    }
    if (containerPort === 0) errors.push(required(`${at}.containerPort`));
    else
      errors.push(
        ...portNumber(containerPort).map((text) => invalid(`${at}.containerPort`, containerPort, text)),
      );
    if (hostPort !== 0)
      errors.push(...portNumber(hostPort).map((text) => invalid(`${at}.hostPort`, hostPort, text)));
    if (protocol === '') errors.push(required(`${at}.protocol`));
    else if (!PROTOCOLS.includes(protocol)) errors.push(notSupported(`${at}.protocol`, protocol, PROTOCOLS));
    return errors;
  });
}

function validateHostPorts({ ports }: Container, path: string, taken: Set<string>): FieldError[] {
  return (ports ?? []).flatMap(({ hostPort, hostIP = '', protocol = '' }, index) => {
    if (!hostPort) return [];
    const key = `${protocol}/${hostIP}/${hostPort}`;
    if (taken.has(key)) return [duplicate(`${path}.ports[${index}].hostPort`, key)];
    taken.add(key);
    return [];
  });
}

function validateHostNetworkPorts({ ports }: Container, path: string): FieldError[] {
  return (ports ?? []).flatMap(({ hostPort = 0, containerPort }, index) =>
    hostPort === containerPort
      ? []
      : [
          invalid(
            `${path}.ports[${index}].hostPort`,
            hostPort,
            'must match `containerPort` when `hostNetwork` is true',
          ),
        ],
  );
}

function validateMounts(mounts: readonly VolumeMount[], path: string, spec: PodSpec): FieldError[] {
  // A volume with several sources counts as none: its own finding says so.
  const known = new Set(
    (spec.volumes ?? []).filter((volume) => Object.keys(volume).length <= 2).map(({ name }) => name),
  );
  const places = new Set<string>();
  return mounts.flatMap(({ name, mountPath, subPath = '', subPathExpr = '' }, index) => {
    const at = `${path}[${index}]`;
    const errors: FieldError[] = [];
    if (name === '') errors.push(required(`${at}.name`));
    else if (!known.has(name)) errors.push(notFoundField(`${at}.name`, name));
    if (mountPath === '') errors.push(required(`${at}.mountPath`));
    if (places.has(mountPath)) errors.push(invalid(`${at}.mountPath`, mountPath, 'must be unique'));
    places.add(mountPath);
    if (subPath !== '') errors.push(...validateRelativePath(subPath, `${at}.subPath`));
    if (subPathExpr !== '') errors.push(...validateRelativePath(subPathExpr, `${at}.subPathExpr`));
    if (subPath !== '' && subPathExpr !== '') {
      errors.push(
        invalid(`${at}.subPathExpr`, subPathExpr, 'subPathExpr and subPath are mutually exclusive'),
      );
    }
    return errors;
  });
}

/** Findings about a path that must stay below where it starts. */
export function validateRelativePath(path: string, field: string): FieldError[] {
  if (path.startsWith('/')) return [invalid(field, path, 'must be a relative path')];
  return path.split('/').includes('..') ? [invalid(field, path, "must not contain '..'")] : [];
}
