/** What every namespace is furnished with: the ServiceAccount `default`, and the cluster's CA certificate. */
import type { ConfigMap, Namespace, ServiceAccount } from '#api/core/v1.gen.ts';
import { type KubeObject, keyOf } from '#api/machinery/object.ts';
import {
  type ControllerContext,
  type ControllerDefinition,
  startQueue,
} from '#controllers/shared/context.ts';
import { isAlreadyExists, isConflict, isNamespaceTerminating, isNotFound } from '#kube/errors.ts';
import { CONFIG_MAPS, NAMESPACES, type Resource, SERVICE_ACCOUNTS } from '#kube/resources.ts';

const ROOT_CA = 'kube-root-ca.crt';
const ABOUT_CA = 'kubernetes.io/description';

export const SERVICE_ACCOUNTS_CONTROLLER: ControllerDefinition = {
  name: 'serviceaccount',
  watches: [NAMESPACES, SERVICE_ACCOUNTS],
  start: (context) =>
    furnish<ServiceAccount>(context, 'serviceaccount', SERVICE_ACCOUNTS, (namespace) => ({
      metadata: { namespace, name: 'default' },
    })),
};

export const ROOT_CA_CONTROLLER: ControllerDefinition = {
  name: 'rootca',
  watches: [NAMESPACES, CONFIG_MAPS],
  start: (context) => {
    const { rootCa } = context.config;
    if (rootCa === undefined) return;
    const annotations = {
      [ABOUT_CA]: "Verifies the API server's certificate at the addresses used inside the cluster.",
    };
    furnish<ConfigMap>(
      context,
      'rootca',
      CONFIG_MAPS,
      (namespace) => ({ metadata: { namespace, name: ROOT_CA, annotations }, data: { 'ca.crt': rootCa } }),
      (there) => there.data?.['ca.crt'] === rootCa,
    );
  },
};

/** Keeps one object in each active namespace, and its contents where `holds` judges them. */
function furnish<T extends KubeObject>(
  context: ControllerContext,
  controller: 'serviceaccount' | 'rootca',
  kind: Resource<T>,
  wanted: (namespace: string) => T,
  holds: (there: T) => boolean = () => true,
): void {
  const { client, informers, signal } = context;
  const namespaces = informers.get(NAMESPACES);
  const objects = informers.get(kind);
  const name = wanted('').metadata?.name;
  const work = async (namespace: string): Promise<void> => {
    const found = namespaces.store.get(namespace);
    if (found === undefined || !isActive(found)) return;
    const there = objects.store.get(`${namespace}/${name}`);
    if (there !== undefined && holds(there)) return;
    const object = wanted(namespace);
    const write =
      there === undefined ? client.create(kind, object, { signal }) : client.update(kind, object, { signal });
    await write.catch((error: unknown) => {
      // The namespace is going, or the cache is behind and the next event brings us back.
      if (isAlreadyExists(error) || isConflict(error) || isNamespaceTerminating(error) || isNotFound(error))
        return;
      throw error;
    });
  };
  const queue = startQueue(context, controller, { work });
  const changed = (object: T): void => {
    if (object.metadata?.name === name) queue.add(object.metadata?.namespace ?? '');
  };
  namespaces.onChange({
    onAdd: (namespace) => queue.add(keyOf(namespace)),
    onUpdate: (namespace) => queue.add(keyOf(namespace)),
  });
  objects.onChange({ onUpdate: changed, onDelete: changed });
}

function isActive(namespace: Namespace): boolean {
  return namespace.metadata?.deletionTimestamp === undefined && namespace.status?.phase !== 'Terminating';
}
