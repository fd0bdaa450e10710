import { createHash, randomInt } from 'node:crypto';
import type { Container, PodSpec, ServiceAccount, Volume } from '#api/core/v1.gen.ts';
import { forbidden } from '#api/machinery/status-error.ts';
import type { ObjectReader } from '#apiserver/reader.ts';
import { type AdmissionPlugin, createdPod } from './operation.ts';

const PODS = { group: '', plural: 'pods' };
const MOUNT_PATH = '/var/run/secrets/kubernetes.io/serviceaccount';
/** One hour and seven seconds: upstream's mark of a token that admission put in. */
const TOKEN_SECONDS = 3607;
const MIRROR_ANNOTATION = 'kubernetes.io/config.mirror';

/** Gives pods their service account, its image pull secrets, and a volume with its token. */
export function serviceAccount(objects: ObjectReader): AdmissionPlugin {
  return (operation) => {
    const pod = createdPod(operation);
    if (pod?.spec === undefined || pod.metadata?.annotations?.[MIRROR_ANNOTATION] !== undefined) return;
    const { spec } = pod;
    spec.serviceAccountName ||= 'default';
    spec.serviceAccount = spec.serviceAccountName;
    const account = objects.get<ServiceAccount>(
      'serviceaccounts',
      operation.namespace,
      spec.serviceAccountName,
    );
    if (account === undefined) {
      const path = `${operation.namespace}/${spec.serviceAccountName}`;
      const why = `error looking up service account ${path}: serviceaccount "${spec.serviceAccountName}" not found`;
      throw forbidden(PODS, operation.name, why);
    }
    if (spec.automountServiceAccountToken ?? account.automountServiceAccountToken ?? true) mountToken(spec);
    if (!spec.imagePullSecrets?.length && account.imagePullSecrets?.length)
      spec.imagePullSecrets = [...account.imagePullSecrets];
  };
}

function mountToken(spec: PodSpec): void {
  const containers = [...(spec.containers ?? []), ...(spec.initContainers ?? [])].filter(
    (container) => !mounts(container),
  );
  if (containers.length === 0) return;
  const existing = spec.volumes?.find((volume) => volume.name.startsWith('kube-api-access-'));
  const name = existing?.name ?? `kube-api-access-${suffix()}`;
  if (existing === undefined) spec.volumes = [...(spec.volumes ?? []), accessVolume(name)];
  for (const container of containers) {
    container.volumeMounts = [
      ...(container.volumeMounts ?? []),
      { name, readOnly: true, mountPath: MOUNT_PATH },
    ];
  }
}

function mounts({ volumeMounts = [] }: Container): boolean {
  return (volumeMounts ?? []).some((mount) => mount.mountPath === MOUNT_PATH);
}

function suffix(): string {
  return createHash('sha1')
    .update(String(randomInt(2 ** 40)))
    .digest('hex')
    .slice(0, 5);
}

function accessVolume(name: string): Volume {
  return {
    name,
    projected: {
      sources: [
        { serviceAccountToken: { expirationSeconds: TOKEN_SECONDS, path: 'token' } },
        { configMap: { name: 'kube-root-ca.crt', items: [{ key: 'ca.crt', path: 'ca.crt' }] } },
        {
          downwardAPI: {
            items: [{ path: 'namespace', fieldRef: { apiVersion: 'v1', fieldPath: 'metadata.namespace' } }],
          },
        },
      ],
      defaultMode: 0o644,
    },
  };
}
