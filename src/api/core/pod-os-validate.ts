// What a pod spec may say for the operating system that it names, and when its containers are processes of a Windows
// node. Rules and sentences are upstream's.
import type { Container, PodSpec } from '#api/core/v1.gen.ts';
import { type FieldError, forbidden, invalid, notSupported, required } from '#api/machinery/field-error.ts';

const OS_NAMES = ['linux', 'windows'];
const NOT_ON_WINDOWS = 'cannot be set for a windows pod';
const NOT_ON_LINUX = 'windows options cannot be set for a linux pod';
const LINUX_POD_FIELDS = ['hostUsers', 'hostPID', 'hostIPC', 'shareProcessNamespace'] as const;
const LINUX_POD_SECURITY = [
  'appArmorProfile',
  'seLinuxOptions',
  'seccompProfile',
  'fsGroup',
  'fsGroupChangePolicy',
  'sysctls',
  'runAsUser',
  'runAsGroup',
  'supplementalGroups',
  'supplementalGroupsPolicy',
  'seLinuxChangePolicy',
] as const;
const LINUX_SECURITY = [
  'appArmorProfile',
  'seLinuxOptions',
  'seccompProfile',
  'capabilities',
  'readOnlyRootFilesystem',
  'privileged',
  'allowPrivilegeEscalation',
  'procMount',
  'runAsUser',
  'runAsGroup',
] as const;

/** Findings about `os`, and about fields that a pod of this system cannot have. */
export function validatePodOs(spec: PodSpec, path: string): FieldError[] {
  if (spec.os === undefined) return [];
  const { name } = spec.os;
  if (name === '') return [required(`${path}.os.name`)];
  if (!OS_NAMES.includes(name)) return [notSupported(`${path}.os`, name, OS_NAMES)];
  return name === 'windows' ? validateWindows(spec, path) : validateLinux(spec, path);
}

function validateWindows(spec: PodSpec, path: string): FieldError[] {
  const refuse = (field: string): FieldError => forbidden(field, NOT_ON_WINDOWS);
  const { securityContext: ofPod = {} } = spec;
  return [
    ...LINUX_POD_SECURITY.filter((field) => isSet(ofPod[field])).map((field) =>
      refuse(`${path}.securityContext.${field}`),
    ),
    // As upstream: false is nothing for the two, and something for the others.
    ...LINUX_POD_FIELDS.filter((field) =>
      field === 'hostPID' || field === 'hostIPC' ? spec[field] === true : spec[field] !== undefined,
    ).map((field) => refuse(`${path}.${field}`)),
    ...containersOf(spec, path).flatMap(({ container: { securityContext = {} }, at }) =>
      LINUX_SECURITY.filter((field) => securityContext[field] !== undefined).map((field) =>
        refuse(`${at}.securityContext.${field}`),
      ),
    ),
  ];
}

const isSet = (value: unknown): boolean => (Array.isArray(value) ? value.length > 0 : value !== undefined);

function validateLinux(spec: PodSpec, path: string): FieldError[] {
  const places = [
    { securityContext: spec.securityContext, at: path },
    ...containersOf(spec, path).map(({ container, at }) => ({
      securityContext: container.securityContext,
      at,
    })),
  ];
  return places
    .filter(({ securityContext }) => securityContext?.windowsOptions !== undefined)
    .map(({ at }) => forbidden(`${at}.securityContext.windowsOptions`, NOT_ON_LINUX));
}

/** Findings about HostProcess containers: all of a pod's or none, and on the node's network. */
export function validateHostProcess(spec: PodSpec, path: string): FieldError[] {
  const ofPod = spec.securityContext?.windowsOptions?.hostProcess;
  const errors: FieldError[] = [];
  const containers = containersOf(spec, path);
  let hostProcesses = 0;
  for (const { container, at } of containers) {
    const own = container.securityContext?.windowsOptions?.hostProcess;
    if (ofPod !== undefined && own !== undefined && own !== ofPod) {
      const text = `pod hostProcess value must be identical if both are specified, was ${ofPod}`;
      errors.push(invalid(`${at}.securityContext.windowsOptions.hostProcess`, own, text));
    }
    if (own ?? ofPod) hostProcesses++;
  }
  if (hostProcesses === 0) return errors;
  if (hostProcesses < containers.length) {
    const text =
      'If pod contains any hostProcess containers then all containers must be HostProcess containers';
    errors.push(invalid(path, '', text));
  }
  if (spec.hostNetwork !== true) {
    const text = 'hostNetwork must be true if pod contains any hostProcess containers';
    errors.push(invalid(`${path}.hostNetwork`, false, text));
  }
  return errors;
}

function containersOf(spec: PodSpec, path: string): { container: Container; at: string }[] {
  const lists = ['initContainers', 'containers', 'ephemeralContainers'] as const;
  return lists.flatMap((list) =>
    (spec[list] ?? []).map((container, index) => ({ container, at: `${path}.${list}[${index}]` })),
  );
}
