import { startApiServer } from '#apiserver/apiserver.ts';
import { enterNewNetworkNamespace } from '#os/namespace.ts';
import { INERT_KINDS } from './inert-kinds.ts';
import type { ApiserverCalls } from './messages.ts';
import { joinSupervisor, type OwnHandlers } from './thread-side.ts';
import { traceStart } from './trace-start.ts';

joinSupervisor(
  () =>
    ({
      openNamespace: () => netns,
      async start(input) {
        const { database, hostFd, families, port, tls, clientCa, serviceAccountKey, nodeClient } = input;
        const addresses = families.map(({ apiServer }) => apiServer);
        await startApiServer({
          storage: database,
          listeners: [{ fd: hostFd }, ...addresses.map((host) => ({ host, port }))],
          tls,
          clientCa,
          serviceAccount: { key: serviceAccountKey },
          nodeClient,
          serviceRanges: families.map(({ serviceNetwork }) => serviceNetwork),
          advertise: { addresses, port },
          inertKinds: INERT_KINDS,
        });
        traceStart('apiserver', 'answers');
      },
    }) satisfies OwnHandlers<ApiserverCalls>,
);

// A host of the fabric: from here nodes and pods are reached, and they reach the server.
const netns = enterNewNetworkNamespace();
traceStart('apiserver', 'loaded');
