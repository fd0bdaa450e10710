import type { StrategyParts } from '#api/machinery/strategy-parts.ts';
import { PATH_NAME } from '#api/machinery/validate-meta.ts';

/** Roles and bindings, cluster-wide or of a namespace: names like `system:node` only have to fit into a path. */
export const rbacStrategy: StrategyParts = { checkName: PATH_NAME };
