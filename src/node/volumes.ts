/** The volumes of one pod: made before its first process, kept up to date, removed with it. */
import { chmodSync, chownSync, lstatSync, mkdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Container, Pod, Volume, VolumeMount, VolumeProjection } from '#api/core/v1.gen.ts';
import { isAborted, pause } from '#kube/errors.ts';
import { CONFIG_MAPS, SECRETS } from '#kube/resources.ts';
import { check, libc } from '#os/libc.ts';
import { applyVolumeFiles } from './apply-volume-files.ts';
import { fieldFacts, type NodeContext } from './context.ts';
import type { VolumeBind } from './init/plan-volume-binds.ts';
import type { HeldObject } from './object-cache.ts';
import { ContainerConfigError } from './plan-environment.ts';
import { expand } from './plan-expansion.ts';
import { planVolumeFiles, VolumeNotReady, volumeProjections } from './plan-volume-files.ts';
import { readRootFile } from './root-file.ts';
import { TokenSource } from './token-source.ts';

const FIRST_RETRY_MS = 250;
const MAX_RETRY_MS = 10_000;
/** Changes of many objects at once are written together. */
const REFRESH_DELAY_MS = 200;
const MNT_DETACH = 2;

export class PodVolumes {
  readonly #context: NodeContext;
  readonly #directory: string;
  readonly #tokens: TokenSource;
  readonly #podIps: () => readonly string[];
  readonly #held = new Map<string, HeldObject<object & { metadata?: object | undefined }>>();
  readonly #mounted: string[] = [];
  #pod: Pod;
  #ready: Promise<void> | undefined;
  #refresh: NodeJS.Timeout | undefined;
  #renewal: NodeJS.Timeout | undefined;
  #closed = false;

  constructor(pod: Pod, context: NodeContext, directory: string, podIps: () => readonly string[]) {
    this.#pod = pod;
    this.#context = context;
    this.#directory = directory;
    this.#podIps = podIps;
    this.#tokens = new TokenSource(context.config.client);
  }

  /** Resolves when all volumes are there; waits, with FailedMount events, for what is missing. */
  setUp(signal: AbortSignal): Promise<void> {
    this.#ready ??= this.#setUpAll(signal);
    return this.#ready;
  }

  /** Labels and annotations may be in files. */
  podChanged(pod: Pod): void {
    this.#pod = pod;
    if (this.#ready !== undefined) this.#scheduleRefresh();
  }

  /** A small file of a volume, links followed inside of it; empty when there is none. Throws ContainerConfigError. */
  readText(volumeName: string, path: string): string {
    const volume = this.#pod.spec?.volumes?.find(({ name }) => name === volumeName);
    if (volume === undefined)
      throw new ContainerConfigError(`cannot find the volume "${volumeName}" referenced by FileKeyRef`);
    return readRootFile(this.#path(volume), path);
  }

  /** Where a mount of a container comes from. Throws ContainerConfigError for a path that cannot be. */
  bind(mount: VolumeMount, container: Container, environment: ReadonlyMap<string, string>): VolumeBind {
    const volume = this.#pod.spec?.volumes?.find(({ name }) => name === mount.name);
    if (volume === undefined)
      throw new ContainerConfigError(
        `cannot find volume "${mount.name}" to mount into container "${container.name}"`,
      );
    const source = this.#path(volume);
    const subPath = mount.subPathExpr
      ? expand(mount.subPathExpr, (name) => environment.get(name))
      : mount.subPath || undefined;
    if (subPath !== undefined && (subPath.startsWith('/') || subPath.split('/').includes('..'))) {
      throw new ContainerConfigError(`subPath "${subPath}" must be a relative path without ..`);
    }
    const info = statSync(subPath === undefined ? source : join(source, subPath), { throwIfNoEntry: false });
    const isFiles = volumeProjections(volume) !== undefined;
    return {
      source,
      ...(subPath === undefined ? {} : { subPath }),
      target: mount.mountPath,
      readOnly: mount.readOnly === true || isFiles,
      file: info !== undefined && !info.isDirectory(),
    };
  }

  close(): void {
    this.#closed = true;
    clearTimeout(this.#refresh);
    clearTimeout(this.#renewal);
    for (const held of this.#held.values()) held[Symbol.dispose]();
    for (const path of this.#mounted) libc().umount2(path, MNT_DETACH);
    rmSync(this.#directory, { recursive: true, force: true });
  }

  #path(volume: Volume): string {
    return volume.hostPath ? volume.hostPath.path : join(this.#directory, volume.name);
  }

  async #setUpAll(signal: AbortSignal): Promise<void> {
    for (const volume of this.#pod.spec?.volumes ?? []) {
      for (let delay = FIRST_RETRY_MS; ; delay = Math.min(delay * 2, MAX_RETRY_MS)) {
        try {
          await this.#setUpOne(volume, signal);
          break;
        } catch (error) {
          if (isAborted(error) || signal.aborted) throw error;
          const message = `MountVolume.SetUp failed for volume ${JSON.stringify(volume.name)} : ${(error as Error).message}`;
          this.#context.event(this.#pod, 'Warning', 'FailedMount', message);
          await pause(delay, signal);
        }
      }
    }
    this.#scheduleRenewal();
  }

  async #setUpOne(volume: Volume, signal: AbortSignal): Promise<void> {
    const projections = volumeProjections(volume);
    if (projections) {
      await this.#prepare(projections.sources, signal);
      mkdirSync(this.#path(volume), { recursive: true });
      this.#writeFiles(volume);
    } else if (volume.emptyDir) this.#makeEmptyDir(volume);
    else if (volume.hostPath) makeHostPath(volume.hostPath.path, volume.hostPath.type ?? '');
    else {
      const kind = Object.keys(volume).find((field) => field !== 'name');
      throw new VolumeNotReady(`volumes of kind ${kind} are not implemented by this node`);
    }
  }

  #makeEmptyDir({ name, emptyDir }: Volume): void {
    const path = join(this.#directory, name);
    if (statSync(path, { throwIfNoEntry: false })) return;
    mkdirSync(path, { recursive: true });
    if (emptyDir?.medium === 'Memory') {
      check(libc().mount('tmpfs', path, 'tmpfs', 0, 'mode=0777'), 'mount', `tmpfs at ${path}`);
      this.#mounted.push(path);
    }
    chmodSync(path, emptyDir?.mode ?? 0o777);
    const group = this.#pod.spec?.securityContext?.fsGroup;
    if (group === undefined || this.#context.rootless) return;
    chownSync(path, 0, group);
    chmodSync(path, 0o2777);
  }

  /** Follows the objects and gets the tokens that the files are made of. */
  async #prepare(sources: readonly VolumeProjection[], signal: AbortSignal): Promise<void> {
    const namespace = this.#pod.metadata?.namespace ?? '';
    const changed = (): void => this.#scheduleRefresh();
    for (const { configMap, secret, serviceAccountToken } of sources) {
      if (configMap?.name && !this.#held.has(`c/${configMap.name}`)) {
        this.#held.set(
          `c/${configMap.name}`,
          this.#context.objects.hold(CONFIG_MAPS, namespace, configMap.name, changed),
        );
      }
      if (secret?.name && !this.#held.has(`s/${secret.name}`)) {
        this.#held.set(
          `s/${secret.name}`,
          this.#context.objects.hold(SECRETS, namespace, secret.name, changed),
        );
      }
      if (serviceAccountToken) {
        const { audience = '', expirationSeconds } = serviceAccountToken;
        await this.#tokens.refresh(this.#pod, audience, expirationSeconds, signal);
      }
    }
    await Promise.all([...this.#held.values()].map(({ synced }) => synced));
  }

  #writeFiles(volume: Volume): void {
    const projections = volumeProjections(volume);
    if (projections === undefined) return;
    const sources = {
      configMap: (name: string) => this.#held.get(`c/${name}`)?.current(),
      secret: (name: string) => this.#held.get(`s/${name}`)?.current(),
      token: (audience: string) => this.#tokens.current(audience),
    };
    const files = planVolumeFiles(this.#pod, projections, sources, fieldFacts(this.#context, this.#podIps()));
    applyVolumeFiles(this.#path(volume), files);
  }

  #scheduleRefresh(): void {
    if (this.#closed) return;
    this.#refresh ??= setTimeout(() => {
      this.#refresh = undefined;
      this.#rewrite();
    }, REFRESH_DELAY_MS);
  }

  /** What went missing meanwhile stays as it was. */
  #rewrite(): void {
    for (const volume of this.#pod.spec?.volumes ?? []) {
      try {
        if (statSync(this.#path(volume), { throwIfNoEntry: false })) this.#writeFiles(volume);
      } catch (error) {
        if (!(error instanceof VolumeNotReady)) this.#context.config.onError?.(error as Error);
      }
    }
  }

  #scheduleRenewal(): void {
    const due = this.#tokens.nextRenewalMs();
    if (due === undefined || this.#closed) return;
    this.#renewal = setTimeout(() => void this.#renew(), Math.max(1000, due - Date.now())).unref();
  }

  async #renew(): Promise<void> {
    try {
      for (const volume of this.#pod.spec?.volumes ?? []) {
        await this.#prepare(volumeProjections(volume)?.sources ?? [], this.#context.signal);
      }
      this.#rewrite();
    } catch (error) {
      if (!this.#closed) this.#context.config.onError?.(error as Error);
    }
    this.#scheduleRenewal();
  }
}

/** Checks a host path's type, or makes it with `…OrCreate`. */
function makeHostPath(path: string, type: string): void {
  const info = lstatSync(path, { throwIfNoEntry: false }) && statSync(path);
  if (type === 'DirectoryOrCreate' && !info) mkdirSync(path, { recursive: true, mode: 0o755 });
  else if (type === 'FileOrCreate' && !info) writeFileSync(path, '', { flag: 'wx', mode: 0o644 });
  else if (!info) throw new VolumeNotReady(`hostPath type check failed: ${path} does not exist`);
  const fits =
    info === undefined ||
    type === '' ||
    (type.startsWith('Directory') && info.isDirectory()) ||
    (type.startsWith('File') && info.isFile()) ||
    (type === 'Socket' && info.isSocket()) ||
    (type === 'CharDevice' && info.isCharacterDevice()) ||
    (type === 'BlockDevice' && info.isBlockDevice());
  if (!fits)
    throw new VolumeNotReady(
      `hostPath type check failed: ${path} is not a ${type.replace('OrCreate', '').toLowerCase()}`,
    );
}
