import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Service, ServiceSpec } from '#api/core/v1.gen.ts';
import type { Endpoint, EndpointSlice } from '#api/discovery/v1.gen.ts';
import type { ServicePlan, VirtualServer } from './forwarding-model.ts';
import { planService } from './plan-service.ts';

const TOPOLOGY = { nodeName: 'here', zone: 'zone-a' };

function service(spec: Partial<ServiceSpec>, more: Partial<Service> = {}): Service {
  return {
    metadata: { namespace: 'shop', name: 'web' },
    spec: {
      clusterIPs: ['10.96.0.20'],
      ports: [{ name: 'http', port: 80, protocol: 'TCP', nodePort: 30_080 }],
      ...spec,
    },
    ...more,
  };
}

interface TestEndpoint {
  address: string;
  node?: string;
  ready?: boolean;
  serving?: boolean;
  terminating?: boolean;
  zones?: string[];
  nodes?: string[];
}

function slice(...endpoints: TestEndpoint[]): EndpointSlice {
  return {
    addressType: 'IPv4',
    ports: [{ name: 'http', port: 8080, protocol: 'TCP' }],
    endpoints: endpoints.map(({ address, node, zones, nodes, ...conditions }): Endpoint => {
      const hints = {
        forZones: zones?.map((name) => ({ name })),
        forNodes: nodes?.map((name) => ({ name })),
      };
      return { addresses: [address], nodeName: node, conditions, hints };
    }),
  };
}

function plan(spec: Partial<ServiceSpec>, ...slices: EndpointSlice[]): ServicePlan {
  return planService(service(spec), slices, TOPOLOGY) ?? assert.fail('not served');
}

function serverAt(plan: ServicePlan, kind: 'address' | 'node-port'): VirtualServer {
  return plan.virtualServers.find(({ match }) => match.kind === kind) ?? assert.fail(`no ${kind}`);
}

function addresses(destination: VirtualServer['destination'] | undefined): string[] {
  return (destination?.endpoints ?? []).map(({ address }) => address);
}

test('planService() leaves headless Services, ExternalNames and those of other proxies alone', () => {
  const others: Service[] = [
    service({ clusterIPs: ['None'] }),
    service({ type: 'ExternalName', externalName: 'example.org' }),
    service(
      {},
      { metadata: { name: 'web', labels: { 'service.kubernetes.io/service-proxy-name': 'other' } } },
    ),
    service({}, { metadata: { name: 'web', labels: { 'service.kubernetes.io/headless': '' } } }),
  ];
  for (const other of others)
    assert.equal(planService(other, [slice({ address: '10.0.0.1' })], TOPOLOGY), undefined);
});

interface EndpointCase {
  title: string;
  endpoints: TestEndpoint[];
  cluster: string[];
  local: string[];
}

const ENDPOINT_CASES: EndpointCase[] = [
  {
    title: 'absent conditions mean ready',
    endpoints: [{ address: '10.0.0.1' }, { address: '10.0.0.2', node: 'here' }],
    cluster: ['10.0.0.1', '10.0.0.2'],
    local: ['10.0.0.2'],
  },
  {
    title: 'terminating endpoints serve only when no ready one is left',
    endpoints: [
      { address: '10.0.0.1', ready: true },
      { address: '10.0.0.2', ready: false, serving: true, terminating: true, node: 'here' },
      { address: '10.0.0.3', ready: false, serving: false, terminating: true, node: 'here' },
    ],
    cluster: ['10.0.0.1'],
    local: ['10.0.0.2'],
  },
  {
    title: 'hints for the zone count when every endpoint has some',
    endpoints: [
      { address: '10.0.0.1', zones: ['zone-a'] },
      { address: '10.0.0.2', zones: ['zone-b'], node: 'here' },
    ],
    cluster: ['10.0.0.1'],
    local: ['10.0.0.2'],
  },
  {
    title: 'half-written hints are ignored',
    endpoints: [{ address: '10.0.0.1', zones: ['zone-a'] }, { address: '10.0.0.2' }],
    cluster: ['10.0.0.1', '10.0.0.2'],
    local: [],
  },
  {
    title: 'hints for other zones only are ignored',
    endpoints: [
      { address: '10.0.0.1', zones: ['zone-b'] },
      { address: '10.0.0.2', zones: ['zone-c'] },
    ],
    cluster: ['10.0.0.1', '10.0.0.2'],
    local: [],
  },
  {
    title: 'hints for the node win over those for the zone',
    endpoints: [
      { address: '10.0.0.1', zones: ['zone-a'], nodes: ['there'] },
      { address: '10.0.0.2', zones: ['zone-a'], nodes: ['here'] },
    ],
    cluster: ['10.0.0.2'],
    local: [],
  },
];

for (const { title, endpoints, cluster, local } of ENDPOINT_CASES) {
  test(`planService(): ${title}`, () => {
    assert.deepEqual(addresses(serverAt(plan({}, slice(...endpoints)), 'address').destination), cluster);
    const locally = plan({ internalTrafficPolicy: 'Local' }, slice(...endpoints));
    assert.deepEqual(addresses(serverAt(locally, 'address').destination), local);
  });
}

test('planService() counts an endpoint of two slices once, and believes the one that says it is local', () => {
  const web = plan({}, slice({ address: '10.0.0.1' }), slice({ address: '10.0.0.1', node: 'here' }));
  assert.deepEqual(addresses(serverAt(web, 'address').destination), ['10.0.0.1']);
  assert.deepEqual(web.localEndpoints, ['10.0.0.1']);
});

test('planService() rejects when there are no endpoints at all, and drops when only other nodes have some', () => {
  const remote = slice({ address: '10.0.0.1', node: 'there' });
  const policy = { externalTrafficPolicy: 'Local' };
  assert.equal(serverAt(plan(policy), 'node-port').destination.otherwise, 'reject');
  assert.equal(serverAt(plan(policy, remote), 'node-port').destination.otherwise, 'drop');
  assert.deepEqual(addresses(serverAt(plan(policy, remote), 'node-port').internal), ['10.0.0.1']);
});

test('planService() masquerades by policy', () => {
  const cluster = plan({}, slice({ address: '10.0.0.1', node: 'here' }));
  assert.equal(serverAt(cluster, 'address').destination.masquerade, 'off-cluster');
  assert.equal(serverAt(cluster, 'node-port').destination.masquerade, 'always');
  const local = plan({ externalTrafficPolicy: 'Local' }, slice({ address: '10.0.0.1', node: 'here' }));
  assert.equal(serverAt(local, 'node-port').destination.masquerade, 'never');
});

test('planService() serves load balancer addresses of mode VIP, within their ranges', () => {
  const ingress = [
    { ip: '198.51.100.1' },
    { ip: '198.51.100.2', ipMode: 'Proxy' },
    { hostname: 'lb.example.org' },
  ];
  const spec = { type: 'LoadBalancer', loadBalancerSourceRanges: [' 192.0.2.0/24', 'fd00::/8'] };
  const lb = planService(service(spec, { status: { loadBalancer: { ingress } } }), [], TOPOLOGY);
  const servers = lb?.virtualServers.filter(({ sourceRanges }) => sourceRanges !== undefined) ?? [];
  assert.deepEqual(
    servers.map(({ match, sourceRanges }) => [match, sourceRanges]),
    [[{ kind: 'address', family: 4, address: '198.51.100.1', protocol: 'tcp', port: 80 }, ['192.0.2.0/24']]],
  );
});

test('planService() takes affinity with its time-out, three hours unless it says so', () => {
  assert.equal(serverAt(plan({ sessionAffinity: 'ClientIP' }), 'address').affinitySeconds, 10_800);
  const sessionAffinityConfig = { clientIP: { timeoutSeconds: 60 } };
  assert.equal(
    serverAt(plan({ sessionAffinity: 'ClientIP', sessionAffinityConfig }), 'address').affinitySeconds,
    60,
  );
  assert.equal(serverAt(plan({}), 'address').affinitySeconds, undefined);
});

test('planService() counts ready local endpoints for the health check port', () => {
  const spec = { externalTrafficPolicy: 'Local', healthCheckNodePort: 32_000 };
  const endpoints = slice(
    { address: '10.0.0.1', node: 'here' },
    { address: '10.0.0.2', node: 'here', ready: false, serving: true, terminating: true },
    { address: '10.0.0.3', node: 'there' },
  );
  assert.deepEqual(plan(spec, endpoints).healthCheck, { port: 32_000, localReadyEndpoints: 1 });
});
