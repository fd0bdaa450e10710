/** Writes a plan of slices: what is new first, so that no endpoint is ever missing in between. */
import type { EndpointSlice } from '#api/discovery/v1.gen.ts';
import type { ControllerContext } from '#controllers/shared/context.ts';
import type { OwnWrites } from '#controllers/shared/own-writes.ts';
import { isNamespaceTerminating, isNotFound } from '#kube/errors.ts';
import { ENDPOINT_SLICES } from '#kube/resources.ts';
import type { SlicePlan } from './plan-packing.ts';

export async function applySlices(
  plan: SlicePlan,
  { client, signal }: ControllerContext,
  writes: OwnWrites<EndpointSlice>,
): Promise<void> {
  for (const slice of plan.create) {
    try {
      writes.wrote(await client.create(ENDPOINT_SLICES, slice, { signal }));
    } catch (error) {
      if (isNamespaceTerminating(error)) return;
      throw error;
    }
  }
  for (const slice of plan.update) writes.wrote(await client.update(ENDPOINT_SLICES, slice, { signal }));
  for (const slice of plan.remove) {
    const { namespace, name = '', uid } = slice.metadata ?? {};
    try {
      await client.delete(ENDPOINT_SLICES, { namespace, name }, { preconditions: { uid }, signal });
    } catch (error) {
      if (!isNotFound(error)) throw error;
    }
    writes.deleted(slice);
  }
}
