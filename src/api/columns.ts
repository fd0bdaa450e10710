// Which kinds have columns of their own, and who fills their cells.
import { appsCells } from './apps/columns.ts';
import { autoscalingCells } from './autoscaling/columns.ts';
import { batchCells } from './batch/columns.ts';
import { coordinationCells } from './coordination/columns.ts';
import { coreCells } from './core/columns.ts';
import { discoveryCells } from './discovery/columns.ts';
import type { CellsOf } from './machinery/cells.ts';
import { networkingCells } from './networking/columns.ts';
import { otherCells } from './other-columns.ts';
import { rbacCells } from './rbac/columns.ts';

const CELLS: Readonly<Record<string, CellsOf>> = {
  ...coreCells,
  ...appsCells,
  ...autoscalingCells,
  ...batchCells,
  ...coordinationCells,
  ...discoveryCells,
  ...networkingCells,
  ...rbacCells,
  ...otherCells,
};

/** Fills the cells of a kind's row; undefined for kinds with the default columns. */
export function cellsFor(kind: { group: string; kind: string }): CellsOf | undefined {
  return CELLS[`${kind.group}/${kind.kind}`];
}
