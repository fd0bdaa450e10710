import { startControllers } from '#controllers/controllers.ts';
import { ApiClient } from '#kube/client.ts';
import { applyObjects, removeObjects } from './apply-objects.ts';
import { dnsTrouble } from './dns-trouble.ts';
import type { ControllersCalls } from './messages.ts';
import { keepNodes, nodesReady } from './node-duties.ts';
import { joinSupervisor, type OwnHandlers } from './thread-side.ts';
import { traceStart } from './trace-start.ts';

// Objects may be asked for before `start` came, and wait for it.
const admin = Promise.withResolvers<ApiClient>();

joinSupervisor(
  () =>
    ({
      async start(input) {
        admin.resolve(new ApiClient(input.admin));
        const client = new ApiClient(input.controllers);
        const { families, caCertificate } = input;
        const config = {
          clusterCidrs: families.map(({ podNetwork }) => podNetwork),
          rootCa: caCertificate,
          onError: (error: Error, controller: string) => {
            console.error(new Date().toISOString(), controller, error.message);
          },
        };
        await startControllers(client, config, new AbortController().signal);
        traceStart('controllers', 'work');
      },
      apply: async ({ items }) => applyObjects(await admin.promise, items),
      remove: async ({ items }) => removeObjects(await admin.promise, items),
      keepNodes: async ({ names }) => keepNodes(await admin.promise, names),
      nodesReady: async ({ names }) => nodesReady(await admin.promise, names),
      dnsTrouble: async () => dnsTrouble(await admin.promise),
    }) satisfies OwnHandlers<ControllersCalls>,
);
traceStart('controllers', 'loaded');
