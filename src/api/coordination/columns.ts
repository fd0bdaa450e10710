import type { Lease } from '#api/coordination/v1.gen.ts';
import { type CellsOf, cells, nameOf, objectAge } from '#api/machinery/cells.ts';

function lease(object: Lease, nowMs: number): unknown[] {
  return [nameOf(object), object.spec?.holderIdentity ?? '', objectAge(object, nowMs)];
}

export const coordinationCells: Readonly<Record<string, CellsOf>> = {
  'coordination.k8s.io/Lease': cells(lease),
};
