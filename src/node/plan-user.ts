/** As whom a container runs. Pure. */
import type { Container, Pod } from '#api/core/v1.gen.ts';
import { ContainerConfigError } from './plan-environment.ts';

export interface ContainerUser {
  uid: number;
  gid: number;
  groups: number[];
}

export interface UserFacts {
  /** USER of the image: `uid[:gid]` or names. */
  imageUser: string;
  /** /etc/passwd and /etc/group of the image. */
  passwd: string;
  group: string;
  /** Only user 0 exists. */
  rootless: boolean;
}

/** securityContext of container, then pod, then the image. Throws ContainerConfigError for what cannot be. */
export function planUser(pod: Pod, container: Container, facts: UserFacts): ContainerUser {
  const own = container.securityContext ?? {};
  const shared = pod.spec?.securityContext ?? {};
  const image = parseUser(facts);
  const uid = own.runAsUser ?? shared.runAsUser ?? image.uid;
  const gid =
    own.runAsGroup ??
    shared.runAsGroup ??
    (own.runAsUser === undefined && shared.runAsUser === undefined ? image.gid : groupOf(uid, facts));
  if ((own.runAsNonRoot ?? shared.runAsNonRoot) === true && uid === 0) {
    throw new ContainerConfigError(
      `container has runAsNonRoot and image will run as root (pod: "${pod.metadata?.name}_${pod.metadata?.namespace}(${pod.metadata?.uid})", container: ${container.name})`,
    );
  }
  const groups = [
    gid,
    ...(shared.supplementalGroups ?? []),
    ...(shared.fsGroup === undefined ? [] : [shared.fsGroup]),
  ];
  if (facts.rootless && (uid !== 0 || gid !== 0)) {
    throw new ContainerConfigError(
      `container ${container.name} is to run as user ${uid}:${gid}, but this cluster was started without root, where user 0 is the only one: set runAsUser: 0 (it is an ordinary user outside) or start the cluster as root`,
    );
  }
  return { uid, gid, groups: [...new Set(groups)] };
}

function parseUser(facts: UserFacts): { uid: number; gid: number } {
  const [user = '', group] = facts.imageUser.split(':');
  if (user === '') return { uid: 0, gid: 0 };
  const entry = facts.passwd
    .split('\n')
    .map((line) => line.split(':'))
    .find(([name, , id]) => name === user || id === user);
  const uid = /^\d+$/.test(user) ? Number(user) : Number(entry?.[2] ?? Number.NaN);
  if (Number.isNaN(uid))
    throw new ContainerConfigError(`unable to find user ${user}: no matching entries in passwd file`);
  if (group === undefined || group === '') return { uid, gid: Number(entry?.[3] ?? 0) };
  if (/^\d+$/.test(group)) return { uid, gid: Number(group) };
  const line = facts.group
    .split('\n')
    .map((row) => row.split(':'))
    .find(([name]) => name === group);
  if (line === undefined)
    throw new ContainerConfigError(`unable to find group ${group}: no matching entries in group file`);
  return { uid, gid: Number(line[2]) };
}

function groupOf(uid: number, { passwd }: UserFacts): number {
  const entry = passwd
    .split('\n')
    .map((line) => line.split(':'))
    .find(([, , id]) => id === String(uid));
  return Number(entry?.[3] ?? 0);
}
