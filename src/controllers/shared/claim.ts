/** Carries out a claim: adopts and lets go. */
import type { KubeObject } from '#api/machinery/object.ts';
import type { ApiClient } from '#kube/client.ts';
import { isConflict, isInvalid, isNotFound } from '#kube/errors.ts';
import type { Resource } from '#kube/resources.ts';
import { adoptPatch, type Claim, controllerReference, releasePatch } from './owners.ts';

export interface ClaimOptions<T extends KubeObject> {
  client: ApiClient;
  kind: Resource<T>;
  owner: KubeObject;
  ownerKind: Resource;
  signal: AbortSignal;
}

/** The objects that are ours now. */
export async function applyClaim<T extends KubeObject>(
  claim: Claim<T>,
  options: ClaimOptions<T>,
): Promise<T[]> {
  const { client, kind, owner, ownerKind, signal } = options;
  if (claim.adopt.length > 0) await assertStillThere(options);
  const reference = controllerReference(ownerKind, owner);
  const adopted = await Promise.all(
    claim.adopt.map((object) => {
      const { namespace, name = '', uid = '' } = object.metadata ?? {};
      return client
        .patch(kind, { namespace, name }, adoptPatch(reference, uid), { type: 'strategic', signal })
        .catch(unlessLost);
    }),
  );
  await Promise.all(
    claim.release.map((object) => {
      const { namespace, name = '', uid = '' } = object.metadata ?? {};
      const patch = releasePatch(owner.metadata?.uid ?? '', uid);
      return client.patch(kind, { namespace, name }, patch, { type: 'strategic', signal }).catch(unlessLost);
    }),
  );
  return [...claim.owned, ...adopted.filter((object) => object !== undefined)];
}

/** Adopting on behalf of an owner that is gone would keep objects alive for nobody: look again, past the cache. */
async function assertStillThere<T extends KubeObject>({
  client,
  owner,
  ownerKind,
  signal,
}: ClaimOptions<T>): Promise<void> {
  const { namespace, name = '', uid } = owner.metadata ?? {};
  const current = await client.get(ownerKind, { namespace, name }, { signal });
  if (current.metadata?.uid !== uid || current.metadata?.deletionTimestamp !== undefined) {
    throw new Error(`${ownerKind.kind} ${namespace}/${name} is gone or being deleted`);
  }
}

/** The object vanished, became another one, or was adopted by somebody else. */
function unlessLost(error: unknown): undefined {
  if (isNotFound(error) || isConflict(error) || isInvalid(error)) return undefined;
  throw error;
}
