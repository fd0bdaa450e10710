import type { Namespace } from '#api/core/v1.gen.ts';
import { forbidden, notFound, StatusError } from '#api/machinery/status-error.ts';
import type { ObjectReader } from '#apiserver/reader.ts';
import type { AdmissionPlugin } from './operation.ts';

const NAMESPACES = { group: '', plural: 'namespaces' };

/** Namespaces without which a cluster is none. */
const IMMORTAL = new Set(['default', 'kube-system', 'kube-public']);

/** Objects are only made in namespaces that exist and are not ending; some namespaces are never deleted. */
export function namespaceLifecycle(objects: ObjectReader): AdmissionPlugin {
  return ({ operation, served: { kind }, namespace, name }) => {
    if (operation === 'delete' && kind.resource === 'namespaces' && IMMORTAL.has(name)) {
      throw forbidden(NAMESPACES, name, 'this namespace may not be deleted');
    }
    if (operation !== 'create' || !kind.namespaced) return;
    const found = objects.get<Namespace>('namespaces', undefined, namespace);
    if (found === undefined) throw notFound(NAMESPACES, namespace);
    if (found.status?.phase === 'Terminating') throw terminating(kind, name, namespace);
  };
}

function terminating(kind: { group: string; plural: string }, name: string, namespace: string): StatusError {
  const why = `unable to create new content in namespace ${namespace} because it is being terminated`;
  const { status } = forbidden(kind, name, why);
  const cause = {
    reason: 'NamespaceTerminating',
    message: `namespace ${namespace} is being terminated`,
    field: 'metadata.namespace',
  };
  return new StatusError({ ...status, details: { ...status.details, causes: [cause] } });
}
