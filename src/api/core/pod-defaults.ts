// What a pod (or a workload's pod template) gets where its author said nothing.
import type { Container, Pod, PodSpec, Probe, ResourceRequirements, Volume } from '#api/core/v1.gen.ts';
import { roundToMilli } from '#api/machinery/quantity.ts';

/** Permission bits of files from ConfigMaps, Secrets and the like: 0644. */
const DEFAULT_MODE = 420;
const TOKEN_SECONDS = 3600;

/** Defaults of a pod spec, as pods and templates share them. */
export function defaultPodSpec(spec: PodSpec): void {
  spec.dnsPolicy ??= 'ClusterFirst';
  spec.restartPolicy ??= 'Always';
  spec.securityContext ??= {};
  spec.terminationGracePeriodSeconds ??= 30;
  spec.schedulerName ??= 'default-scheduler';
  const serviceAccount = spec.serviceAccountName ?? spec.serviceAccount;
  if (serviceAccount !== undefined) {
    spec.serviceAccountName = serviceAccount;
    spec.serviceAccount = serviceAccount;
  }
  for (const volume of spec.volumes ?? []) defaultVolume(volume);
  for (const container of allContainers(spec)) defaultContainer(container);
}

/** Defaults of a pod itself, which templates do not show. */
export function defaultPod(pod: Pod): void {
  const { spec } = pod;
  if (spec === undefined) return;
  defaultPodSpec(spec);
  spec.enableServiceLinks ??= true;
  for (const container of [...(spec.containers ?? []), ...(spec.initContainers ?? [])]) {
    defaultRequests(container.resources);
    for (const port of spec.hostNetwork === true ? (container.ports ?? []) : [])
      port.hostPort ??= port.containerPort;
  }
}

/** Every container of a spec: ordinary, init and ephemeral ones. */
export function allContainers(spec: PodSpec): Container[] {
  return [...(spec.containers ?? []), ...(spec.initContainers ?? []), ...(spec.ephemeralContainers ?? [])];
}

function defaultContainer(container: Container): void {
  container.imagePullPolicy ??= followsLatest(container.image ?? '') ? 'Always' : 'IfNotPresent';
  container.terminationMessagePath ??= '/dev/termination-log';
  container.terminationMessagePolicy ??= 'File';
  container.resources ??= {};
  for (const list of [container.resources.limits, container.resources.requests]) {
    for (const [name, quantity] of Object.entries(list ?? {})) if (list) list[name] = roundToMilli(quantity);
  }
  for (const port of container.ports ?? []) port.protocol ??= 'TCP';
  for (const variable of container.env ?? []) {
    if (variable.valueFrom?.fieldRef) variable.valueFrom.fieldRef.apiVersion ??= 'v1';
  }
  for (const probe of [container.livenessProbe, container.readinessProbe, container.startupProbe]) {
    if (probe) defaultProbe(probe);
  }
  for (const handler of [container.lifecycle?.postStart, container.lifecycle?.preStop]) {
    if (handler?.httpGet) defaultHttpGet(handler.httpGet);
  }
}

/** No tag and no digest, or the tag `latest`. */
function followsLatest(image: string): boolean {
  if (image.includes('@')) return false;
  const tag = /:([^/:]+)$/.exec(image)?.[1];
  return tag === undefined || tag === 'latest';
}

function defaultProbe(probe: Probe): void {
  probe.timeoutSeconds ??= 1;
  probe.periodSeconds ??= 10;
  probe.successThreshold ??= 1;
  probe.failureThreshold ??= 3;
  if (probe.httpGet) defaultHttpGet(probe.httpGet);
  if (probe.grpc) probe.grpc.service ??= '';
}

function defaultHttpGet(action: { path?: string | undefined; scheme?: string | undefined }): void {
  action.path ??= '/';
  action.scheme ??= 'HTTP';
}

/** What a container may use it also asks for, unless it asks for less. */
function defaultRequests(resources: ResourceRequirements | undefined): void {
  if (!resources?.limits) return;
  const requests = { ...resources.limits, ...resources.requests };
  if (Object.keys(requests).length > 0)
    resources.requests = Object.fromEntries(Object.entries(requests).sort(byKey));
}

function byKey([a]: [string, unknown], [b]: [string, unknown]): number {
  return a < b ? -1 : Number(a > b);
}

function defaultVolume(volume: Volume): void {
  if (Object.keys(volume).every((name) => name === 'name')) volume.emptyDir = {};
  for (const source of [volume.configMap, volume.secret, volume.downwardAPI, volume.projected]) {
    if (source) source.defaultMode ??= DEFAULT_MODE;
  }
  if (volume.hostPath) volume.hostPath.type ??= '';
  const claim = volume.ephemeral?.volumeClaimTemplate?.spec;
  if (claim) claim.volumeMode ??= 'Filesystem';
  defaultItems(volume.downwardAPI?.items);
  for (const source of volume.projected?.sources ?? []) {
    defaultItems(source.downwardAPI?.items);
    if (source.serviceAccountToken) source.serviceAccountToken.expirationSeconds ??= TOKEN_SECONDS;
  }
}

function defaultItems(
  items: { fieldRef?: { apiVersion?: string | undefined } | undefined }[] | undefined,
): void {
  for (const item of items ?? []) if (item.fieldRef) item.fieldRef.apiVersion ??= 'v1';
}
