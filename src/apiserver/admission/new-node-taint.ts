import type { Node } from '#api/core/v1.gen.ts';
import type { AdmissionPlugin } from './operation.ts';

const NOT_READY = 'node.kubernetes.io/not-ready';

/** A new node takes no pods until a controller has seen that it is ready. */
export const newNodeTaint: AdmissionPlugin = ({ operation, subresource, served, object }) => {
  if (operation !== 'create' || subresource !== '' || served.kind.resource !== 'nodes') return;
  const node = object as Node;
  const taints = node.spec?.taints ?? [];
  if (taints.some(({ key, effect }) => key === NOT_READY && effect === 'NoSchedule')) return;
  node.spec = { ...node.spec, taints: [...taints, { effect: 'NoSchedule', key: NOT_READY }] };
};
