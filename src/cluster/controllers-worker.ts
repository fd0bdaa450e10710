import { startControllers } from '#controllers/controllers.ts';
import { ApiClient } from '#kube/client.ts';
import { applyObjects } from './apply-objects.ts';
import type { ControllersCalls } from './messages.ts';
import { keepNodes, nodesReady } from './node-duties.ts';
import { joinSupervisor, type OwnHandlers } from './thread-side.ts';
import { traceStart } from './trace-start.ts';

let admin: ApiClient | undefined;

joinSupervisor(
  () =>
    ({
      async start(input) {
        admin = new ApiClient(input.admin);
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
      apply: ({ items }) => applyObjects(started(), items),
      keepNodes: ({ names }) => keepNodes(started(), names),
      nodesReady: ({ names }) => nodesReady(started(), names),
    }) satisfies OwnHandlers<ControllersCalls>,
);
traceStart('controllers', 'loaded');

function started(): ApiClient {
  if (admin === undefined) throw new Error('the controllers have not been started');
  return admin;
}
