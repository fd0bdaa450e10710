/**
 * A node (the namespace of the test itself) for `portolan node-cache`: a pod, a service proxy and DNS servers, each of
 * which answers every question with its own address.
 */
import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import type { TestContext } from 'node:test';
import type { Service } from '#api/core/v1.gen.ts';
import type { EndpointSlice } from '#api/discovery/v1.gen.ts';
import { resolveAddresses } from '#cluster/stub-resolver.ts';
import { corefileSource } from '#dns/corefile-source.ts';
import { type DnsServer, startDnsServer } from '#dns/server.ts';
import { Conntrack } from '#kernel/conntrack.ts';
import { Nftables } from '#kernel/nftables.ts';
import { Rtnetlink } from '#kernel/rtnetlink.ts';
import { createNetworkNamespace } from '#os/namespace.ts';
import { adoptSocket, connectTcp } from '#os/socket.ts';
import { NftablesDataPlane } from '#serviceproxy/apply-nftables.ts';
import { planService } from '#serviceproxy/plan-service.ts';
import { launcher } from '#test/support/cluster.ts';
import { until } from '#test/support/until.ts';
import { CLASS_IN, decodeMessage, encodeQuery, HeaderFlag, parseName, RecordType } from '#wire/dns.ts';
import { DnsFrameReader, frameMessage } from '#wire/dns-tcp.ts';

/** Address of the Service, which the proxy translates to `SERVICE_SERVER`. */
export const KUBE_DNS = '10.96.0.10';
export const SERVICE_SERVER = '192.0.2.98';
/** The server that the cache is told to ask. */
export const CLUSTER_SERVER = '192.0.2.99';
export const STUB_SERVER = '192.0.2.97';
const NAME = 'web.default.svc.cluster.local';

export interface NodeLab extends AsyncDisposable {
  readonly rtnetlink: Rtnetlink;
  readonly nftables: Nftables;
  readonly conntrack: Conntrack;
  /** Descriptor of the pod's network namespace. */
  readonly pod: number;
}

/** Builds it. */
export async function openNodeLab(): Promise<NodeLab> {
  const stack = new AsyncDisposableStack();
  const rtnetlink = stack.use(Rtnetlink.open());
  const nftables = stack.use(Nftables.open());
  const conntrack = stack.use(Conntrack.open());
  const pod = addPod(rtnetlink);
  for (const address of [SERVICE_SERVER, CLUSTER_SERVER, STUB_SERVER]) {
    rtnetlink.addAddress({ link: 'lo', address: `${address}/32` });
    stack.use(await serveOwnAddress(address));
  }
  startProxy(nftables);
  return { rtnetlink, nftables, conntrack, pod, [Symbol.asyncDispose]: () => stack.disposeAsync() };
}

/** A pod at 10.244.0.7 with routes through the node. */
function addPod(rtnetlink: Rtnetlink): number {
  const netns = createNetworkNamespace();
  rtnetlink.createVeth({ name: 'pod', up: true, peer: { name: 'eth0', netns } });
  using inside = Rtnetlink.open({ netns });
  inside.setLink('eth0', { up: true });
  for (const [own, gateway, bits, all] of [
    ['10.244.0.7', '10.244.0.1', 32, '0.0.0.0/0'],
    ['fd00:244::7', 'fd00:244::1', 128, '::/0'],
  ] as const) {
    rtnetlink.addAddress({ link: 'pod', address: `${gateway}/${bits}` });
    rtnetlink.addRoute({ destination: `${own}/${bits}`, link: 'pod' });
    inside.addAddress({ link: 'eth0', address: `${own}/${bits}` });
    inside.addRoute({ destination: `${gateway}/${bits}`, link: 'eth0' });
    inside.addRoute({ destination: all, via: gateway, link: 'eth0' });
  }
  // The node itself needs a way to Service addresses for its packets to reach the output hook.
  rtnetlink.addRoute({ destination: '10.96.0.0/16', link: 'pod' });
  return netns;
}

async function serveOwnAddress(address: string): Promise<DnsServer> {
  const text = `. {\n bind ${address}\n template IN A {\n  answer "{{ .Name }} 60 IN A ${address}"\n }\n template IN ANY {\n  rcode NOERROR\n }\n}\n`;
  return startDnsServer({
    ...corefileSource({ text, name: 'Corefile' }),
    apiClient: () => Promise.reject(new Error('this test has no API server')),
    log: () => undefined,
  });
}

/** Sends Service kube-dns to the Service's server. */
function startProxy(nftables: Nftables): void {
  const ports = [
    { name: 'dns', port: 53, protocol: 'UDP' },
    { name: 'dns-tcp', port: 53, protocol: 'TCP' },
  ];
  const metadata = { namespace: 'kube-system', name: 'kube-dns' };
  const service: Service = { metadata, spec: { type: 'ClusterIP', clusterIPs: [KUBE_DNS], ports } };
  const slice: EndpointSlice = { addressType: 'IPv4', ports, endpoints: [{ addresses: [SERVICE_SERVER] }] };
  const plan = planService(service, [slice], { nodeName: 'node', zone: undefined });
  assert.ok(plan);
  new NftablesDataPlane(nftables).set({
    settings: {
      nodePortAddresses: [],
      clusterCidrs: ['10.244.0.0/16'],
      serviceCidrs: ['10.96.0.0/16'],
      masqueradeAll: false,
    },
    services: new Map([['kube-system/kube-dns', plan]]),
  });
}

export interface NodeCache {
  readonly log: () => string;
  /** Sends a signal and waits for its end; the exit code, or the signal. */
  end(signal?: NodeJS.Signals): Promise<number | string | null>;
  readonly process: ChildProcess;
}

/** Starts it; resolves when it serves or has ended. */
export async function startNodeCache(t: TestContext, ...words: string[]): Promise<NodeCache> {
  const child = spawn(launcher, ['node-cache', '--clusterdns', CLUSTER_SERVER, ...words], {
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  let log = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => (log += text));
  const ended = once(child, 'close') as Promise<[number | null, NodeJS.Signals | null]>;
  const end = async (signal: NodeJS.Signals = 'SIGTERM'): Promise<number | string | null> => {
    if (child.exitCode === null && child.signalCode === null) child.kill(signal);
    const [code, by] = await ended;
    return code ?? by;
  };
  t.after(() => end());
  const isUp = (text: string): boolean => text.includes('serving on') || child.exitCode !== null;
  await until('node-cache serves', () => Promise.resolve(log), isUp);
  return { log: () => log, end, process: child };
}

/** The address that the name has by a server's word, asked over UDP from a namespace. */
export async function whoAnswers(server: string, netns?: number, name = NAME): Promise<string | undefined> {
  return (await resolveAddresses(name, { servers: [server], netns }))[0];
}

export async function whoAnswersTcp(server: string, netns?: number): Promise<string | undefined> {
  const socket = adoptSocket(connectTcp({ address: server, port: 53, netns }));
  const query = encodeQuery(
    7,
    { name: parseName(NAME) ?? [], type: RecordType.A, class: CLASS_IN },
    HeaderFlag.RD,
  );
  socket.write(frameMessage(query));
  const reader = new DnsFrameReader();
  try {
    for await (const piece of socket as AsyncIterable<Buffer>) {
      for (const message of reader.push(piece)) {
        const [record] = decodeMessage(message).answers;
        return record?.data.kind === 'address' ? record.data.address : undefined;
      }
    }
    return undefined;
  } finally {
    socket.destroy();
  }
}
