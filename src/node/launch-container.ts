/** From a container's spec to a running instance: environment, files, user, then process or light. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { ConfigMap, Container, Pod, Secret } from '#api/core/v1.gen.ts';
import { CONFIG_MAPS, SECRETS } from '#kube/resources.ts';
import type { NamespaceSet } from '#os/namespace.ts';
import type { ExecOptions, ProcessSession } from './container-access.ts';
import type { ContainerLog } from './container-log.ts';
import { fieldFacts, type NodeContext } from './context.ts';
import { type HostImage, type RunnableImage, resolverTarget, type StoredRootImage } from './images.ts';
import { planCapabilities } from './init/capabilities.ts';
import type { ProcessPlan } from './init/plan-process.ts';
import type { VolumeBind } from './init/plan-volume-binds.ts';
import { InitError } from './init/spawn-init.ts';
import type { KeptSockets } from './kept-sockets.ts';
import { LaunchError } from './launch-error.ts';
import { startLightContainer } from './light-container.ts';
import { planCommand, planProcessEnvironment } from './plan-command.ts';
import { ContainerConfigError, environmentReferences, planEnvironment } from './plan-environment.ts';
import { keptSocketsEnvironment } from './plan-kept-sockets.ts';
import { planServiceEnv, selectServices } from './plan-service-env.ts';
import { planUser } from './plan-user.ts';
import { startProcessContainer } from './process-container.ts';
import { readRootFile, readTail } from './root-file.ts';
import type { RunningContainer } from './running-container.ts';
import type { PodVolumes } from './volumes.ts';

/** What a pod lends to each of its containers. */
export interface PodParts {
  pod: Pod;
  context: NodeContext;
  podIps: readonly string[];
  hostname: string;
  /** Descriptor; absent with hostNetwork. */
  netns: number | undefined;
  /** Makes the pod's process namespaces if need be. */
  namespaces: () => Promise<NamespaceSet>;
  volumes: PodVolumes;
  /** Those that the node keeps for the container; opened when first asked for. */
  keptSockets: (container: Container) => KeptSockets;
  /** Of the pod: holds etc/ and containers/. */
  directory: string;
  /** Of exec into light containers: ends with the pod. */
  execInHostImage: (options: ExecOptions) => Promise<ProcessSession>;
  signal: AbortSignal;
}

export interface LaunchOptions {
  parts: PodParts;
  container: Container;
  image: RunnableImage;
  restartCount: number;
  log: ContainerLog;
}

/** Rejects with LaunchError, or InitError when the program could not be run. */
export async function launchContainer(options: LaunchOptions): Promise<RunningContainer> {
  try {
    const environment = await containerEnvironment(options.parts, options.container);
    return options.image.kind === 'light'
      ? launchLight(options, environment)
      : await launchProcess(options, options.image, environment);
  } catch (error) {
    if (error instanceof ContainerConfigError)
      throw new LaunchError('CreateContainerConfigError', error.message, { cause: error });
    if (error instanceof InitError && error.isExec) throw error;
    throw new LaunchError('CreateContainerError', (error as Error).message, { cause: error });
  }
}

/** Fetches what the environment refers to; the Services of this moment are part of it. */
async function containerEnvironment(
  { pod, context, podIps, volumes, signal }: PodParts,
  container: Container,
): Promise<Map<string, string>> {
  const namespace = pod.metadata?.namespace ?? '';
  const wanted = environmentReferences(container);
  const configMaps = new Map<string, ConfigMap>();
  const secrets = new Map<string, Secret>();
  for (const name of wanted.configMaps) {
    const found = await context.objects.fetch(CONFIG_MAPS, namespace, name, signal);
    if (found !== undefined) configMaps.set(name, found);
  }
  for (const name of wanted.secrets) {
    const found = await context.objects.fetch(SECRETS, namespace, name, signal);
    if (found !== undefined) secrets.set(name, found);
  }
  const files = new Map<string, string>();
  if (wanted.files.length > 0) await volumes.setUp(signal);
  for (const { volumeName, path } of wanted.files)
    files.set(`${volumeName}/${path}`, volumes.readText(volumeName, path));
  const services = selectServices(
    context.services.store.list(),
    namespace,
    pod.spec?.enableServiceLinks ?? true,
  );
  return planEnvironment(
    pod,
    container,
    planServiceEnv(services),
    { configMaps, secrets, files },
    fieldFacts(context, podIps),
  );
}

function launchLight(
  { parts, container, image, log }: LaunchOptions,
  environment: ReadonlyMap<string, string>,
): RunningContainer {
  if (image.kind !== 'light') throw new Error('not a light image');
  const { pod, context, podIps, netns, execInHostImage } = parts;
  const families = new Set(podIps.map((ip): 4 | 6 => (ip.includes(':') ? 6 : 4)));
  return startLightContainer({
    image,
    args: planCommand(container, image.config, environment),
    environment,
    identity: {
      pod: pod.metadata?.name ?? '',
      namespace: pod.metadata?.namespace ?? '',
      node: context.config.nodeName,
    },
    netns,
    families: [...families],
    log,
    exec: execInHostImage,
  });
}

async function launchProcess(
  { parts, container, image, restartCount, log }: LaunchOptions,
  root: HostImage | StoredRootImage,
  environment: ReadonlyMap<string, string>,
): Promise<RunningContainer> {
  const { pod, volumes, directory, signal } = parts;
  await volumes.setUp(signal);
  const binds = (container.volumeMounts ?? []).map((mount) => volumes.bind(mount, container, environment));
  const sockets = parts.keptSockets(container);
  const own = join(directory, 'containers', container.name);
  mkdirSync(own, { recursive: true });
  return startProcessContainer({
    directory: join(own, String(restartCount)),
    image: root,
    volumes: [...managedFiles(parts, container, image, binds, own), ...binds],
    process: {
      ...planContainerProcess(
        parts,
        container,
        root,
        new Map([...environment, ...keptSocketsEnvironment(sockets.planned)]),
      ),
      sockets: sockets.descriptors.length,
    },
    sockets: sockets.descriptors,
    readOnlyRoot: container.securityContext?.readOnlyRootFilesystem === true,
    privileged: container.securityContext?.privileged === true,
    stdin: container.stdin === true,
    namespaces: await parts.namespaces(),
    ownPidNamespace: pod.spec?.hostPID !== true,
    log,
  });
}

/** Program, user and rights of a container. */
export function planContainerProcess(
  { pod, context, hostname }: PodParts,
  container: Container,
  image: HostImage | StoredRootImage,
  environment: ReadonlyMap<string, string>,
): ProcessPlan {
  const { rootless } = context;
  const etc = (file: string): string =>
    readRootFile(image.kind === 'stored' ? image.root : '/', `etc/${file}`);
  const user = planUser(pod, container, {
    imageUser: image.config.user,
    passwd: etc('passwd'),
    group: etc('group'),
    rootless,
  });
  const { capabilities, privileged = false, allowPrivilegeEscalation } = container.securityContext ?? {};
  const tty = container.tty === true;
  return {
    argv: planCommand(container, image.config, environment),
    env: planProcessEnvironment(image.config.env, environment, hostname, tty),
    workingDirectory: container.workingDir || image.config.workingDir || '/',
    ...user,
    capabilities: planCapabilities({ ...capabilities, privileged, held: context.capabilities }),
    noNewPrivileges: allowPrivilegeEscalation === false,
    tty,
    rootless,
    nullStreams: [],
    sockets: 0,
  };
}

/** /etc/hosts, /etc/resolv.conf, /etc/hostname and the termination log, unless the container mounts its own. */
function managedFiles(
  { directory }: PodParts,
  container: Container,
  image: RunnableImage,
  binds: readonly VolumeBind[],
  own: string,
): VolumeBind[] {
  const taken = new Set(binds.map(({ target }) => target));
  const message = join(own, 'termination');
  writeFileSync(message, '', { mode: 0o666 });
  const resolvConf = image.kind === 'host' ? resolverTarget() : '/etc/resolv.conf';
  const files: VolumeBind[] = [
    { source: join(directory, 'etc', 'hosts'), target: '/etc/hosts', readOnly: false, file: true },
    { source: join(directory, 'etc', 'resolv.conf'), target: resolvConf, readOnly: false, file: true },
    // An image need not have the file, and a read-only /etc cannot get it.
    {
      source: join(directory, 'etc', 'hostname'),
      target: '/etc/hostname',
      readOnly: false,
      file: true,
      optional: true,
    },
    {
      source: message,
      target: container.terminationMessagePath ?? '/dev/termination-log',
      readOnly: false,
      file: true,
    },
  ];
  return files.filter(({ target }) => !taken.has(target));
}

const MAX_MESSAGE_BYTES = 4096;
const MAX_FALLBACK = 2048;
/** Enough for 80 lines, most of the time. */
const MAX_LOG_BYTES = 64 << 10;

/** What the container said about its end; with FallbackToLogsOnError the last lines of a failed one's log. */
export function readTerminationMessage(
  directory: string,
  container: Container,
  exitCode: number,
  log: ContainerLog | undefined,
): string {
  const file = join(directory, 'containers', container.name, 'termination');
  const message = readTail(file, MAX_MESSAGE_BYTES);
  const fallback = container.terminationMessagePolicy === 'FallbackToLogsOnError' && exitCode !== 0;
  if (message !== '' || !fallback || log === undefined) return message;
  return readTail(log.file, MAX_LOG_BYTES)
    .split('\n')
    .slice(-80)
    .map((line) => line.split(' ').slice(3).join(' '))
    .join('\n')
    .slice(-MAX_FALLBACK);
}
