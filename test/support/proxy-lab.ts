import { createSocket } from 'node:dgram';
import type { Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { Rtnetlink } from '#kernel/rtnetlink.ts';
import { writeSysctl } from '#kernel/sysctl.ts';
import { closeFd } from '#os/fd-ledger.ts';
import { check, errnoName, libc } from '#os/libc.ts';
import { createNetworkNamespace } from '#os/namespace.ts';
import { acceptOn, adoptSocket, bindUdp, connectTcp, listenTcp, SOL_SOCKET } from '#os/socket.ts';

/**
 * A node (the namespace of the test itself) with pods behind one veth each, and a host outside:
 *
 *     client 10.244.1.21 ─┐
 *     a      10.244.1.11 ─┼─ node 10.244.1.1 | 192.168.1.1 ── outside 192.168.1.2
 *     b      10.244.1.12 ─┘
 *
 * IPv6 has the same last digits in fd00:10:244:1:: and fd00:192::.
 */
export const PLACES = {
  client: { address: '10.244.1.21', address6: 'fd00:10:244:1::21' },
  a: { address: '10.244.1.11', address6: 'fd00:10:244:1::11' },
  b: { address: '10.244.1.12', address6: 'fd00:10:244:1::12' },
  outside: { address: '192.168.1.2', address6: 'fd00:192::2' },
} as const;

export const NODE = {
  address: '192.168.1.1',
  address6: 'fd00:192::1',
  podGateway: '10.244.1.1',
  podGateway6: 'fd00:10:244:1::1',
};
export const CLUSTER_CIDRS = ['10.244.0.0/16', 'fd00:10:244::/48'];

export type Place = keyof typeof PLACES | 'node';

/** Who answered and from which address he was asked, or how it failed. */
export type Outcome = { readonly by: Place; readonly source: string } | 'refused' | 'nothing';

export interface Lab extends Disposable {
  /** Opens a new connection (or sends one datagram from a new socket) and waits for the answer. */
  ask(from: Place, address: string, port: number, protocol?: 'tcp' | 'udp'): Promise<Outcome>;
  /** A UDP socket that keeps its port. */
  openUdp(from: Place, address: string, port: number): Promise<LabConnection>;
  /** A connection on which every line is answered by the place it reached. */
  connect(from: Place, address: string, port: number): Promise<LabConnection>;
}

export interface LabConnection extends Disposable {
  /** `slow`: over UDP, answered only after a while. */
  ask(how?: 'slow'): Promise<Place | 'closed'>;
}

const SLOW_MS = 200;

const TIMEOUT_MS = 700;

/** Builds it; servers of `a`, `b` and `node` listen on 8080, TCP and UDP, both families. */
export function createLab(): Lab {
  using stack = new DisposableStack();
  using rtnetlink = Rtnetlink.open();
  for (const name of ['net.ipv4.ip_forward', 'net.ipv6.conf.all.forwarding']) writeSysctl(name, 1);
  writeSysctl('net.ipv6.conf.default.accept_dad', 0);
  const namespaces = new Map<Place, number | undefined>([['node', undefined]]);
  for (const [place, addresses] of Object.entries(PLACES)) {
    const netns = createNetworkNamespace();
    // Link-local addresses would not be usable for their first second.
    writeSysctl('net.ipv6.conf.default.accept_dad', 0, { netns });
    stack.defer(() => closeFd(netns));
    namespaces.set(place as Place, netns);
    addPlace(rtnetlink, place, addresses, netns);
  }
  // Somewhere for the node's own packets to Service addresses to be on their way to.
  rtnetlink.addRoute({ destination: '0.0.0.0/0', via: PLACES.outside.address, link: 'eth0' });
  rtnetlink.addRoute({ destination: '::/0', via: PLACES.outside.address6, link: 'eth0' });
  for (const place of ['a', 'b', 'node'] as const) {
    for (const address of ['0.0.0.0', '::']) serve(place, address, namespaces.get(place), stack);
  }
  const owned = stack.move();
  return {
    ask: (from, address, port, protocol = 'tcp') =>
      protocol === 'tcp'
        ? askTcp(namespaces.get(from), address, port)
        : askUdp(namespaces.get(from), address, port),
    openUdp: (from, address, port) => openUdp(namespaces.get(from), address, port),
    connect: async (from, address, port) => {
      const netns = namespaces.get(from);
      return connection(await dial(netns, address, port));
    },
    [Symbol.dispose]: () => owned.dispose(),
  };
}

function addPlace(
  node: Rtnetlink,
  name: string,
  own: { address: string; address6: string },
  netns: number,
): void {
  const outside = name === 'outside';
  const link = outside ? 'eth0' : `pod-${name}`;
  const gateways = outside ? [NODE.address, NODE.address6] : [NODE.podGateway, NODE.podGateway6];
  node.createVeth({ name: link, up: true, peer: { name: 'eth0', netns } });
  using inside = Rtnetlink.open({ netns });
  inside.setLink('lo', { up: true });
  inside.setLink('eth0', { up: true });
  for (const [i, address] of [own.address, own.address6].entries()) {
    const bits = i === 0 ? 32 : 128;
    const gateway = gateways[i] ?? '';
    node.addAddress({ link, address: `${gateway}/${bits}`, noPrefixRoute: true });
    node.addRoute({ destination: `${address}/${bits}`, link });
    inside.addAddress({ link: 'eth0', address: `${address}/${bits}` });
    inside.addRoute({ destination: `${gateway}/${bits}`, link: 'eth0' });
    inside.addRoute({ destination: i === 0 ? '0.0.0.0/0' : '::/0', via: gateway, link: 'eth0' });
  }
}

const PORT = 8080;

function serve(place: Place, address: string, netns: number | undefined, stack: DisposableStack): void {
  const answer = (source = ''): string => `${JSON.stringify({ by: place, source })}\n`;
  const server = acceptOn(listenTcp({ address, port: PORT, netns }), (socket) => {
    socket.on('error', () => socket.destroy());
    socket.on('data', () => socket.write(answer(socket.remoteAddress)));
  });
  const udp = createSocket(address === '::' ? 'udp6' : 'udp4');
  udp.bind({ fd: bindUdp({ address, port: PORT, netns }) });
  udp.on('message', (message, peer) => {
    const reply = (): void => udp.send(answer(peer.address), peer.port, peer.address);
    if (String(message) === 'slow') setTimeout(reply, SLOW_MS);
    else reply();
  });
  stack.defer(() => {
    server.close();
    udp.close();
  });
}

async function askTcp(netns: number | undefined, address: string, port: number): Promise<Outcome> {
  let socket: Socket;
  try {
    socket = await dial(netns, address, port);
  } catch (error) {
    return outcomeOf(error as NodeJS.ErrnoException);
  }
  return new Promise((resolve) => {
    socket.setTimeout(TIMEOUT_MS, () => resolve('nothing'));
    socket.on('error', (error) => resolve(outcomeOf(error)));
    socket.on('data', (data) => {
      resolve(JSON.parse(String(data)) as Outcome);
      socket.resetAndDestroy();
    });
    socket.write('who?\n');
  });
}

function askUdp(netns: number | undefined, address: string, port: number): Promise<Outcome> {
  const wildcard = address.includes(':') ? '::' : '0.0.0.0';
  const socket = createSocket(address.includes(':') ? 'udp6' : 'udp4');
  return new Promise<Outcome>((resolve) => {
    const timer = setTimeout(resolve, TIMEOUT_MS, 'nothing');
    const settle = (outcome: Outcome): void => {
      clearTimeout(timer);
      resolve(outcome);
    };
    socket.on('error', (error) => !isEperm(error) && settle(outcomeOf(error)));
    socket.on('message', (data) => settle(JSON.parse(String(data)) as Outcome));
    socket.bind({ fd: bindUdp({ address: wildcard, port: 0, netns }) });
    // Connected, so that an ICMP error is reported.
    socket.connect(port, address, () =>
      // What a rule of the sender's own host refuses is EPERM at once; the ICMP error follows.
      socket.send('who?', (error) => error && !isEperm(error) && settle(outcomeOf(error))),
    );
  }).finally(() => socket.close());
}

const SO_ERROR = 4;
const POLLOUT = 4;

/** Connects; asks for the socket's error all the time, since only SO_ERROR tells of an ICMP refusal. */
async function dial(netns: number | undefined, address: string, port: number): Promise<Socket> {
  const fd = connectTcp({ address, port, netns });
  for (const deadline = Date.now() + TIMEOUT_MS; Date.now() < deadline; await sleep(2)) {
    const error = new Uint8Array(4);
    check(libc().getsockopt(fd, SOL_SOCKET, SO_ERROR, error, Uint8Array.of(4, 0, 0, 0)), 'getsockopt');
    const state = new Int32Array([fd, POLLOUT]);
    libc().poll(new Uint8Array(state.buffer), 1, 0);
    if (error[0]) {
      closeFd(fd);
      throw Object.assign(new Error('connect'), { code: errnoName(error[0]) });
    }
    if ((state[1] ?? 0) >> 16 === POLLOUT) return adoptSocket(fd);
  }
  closeFd(fd);
  throw Object.assign(new Error('connect'), { code: 'ETIMEDOUT' });
}

function openUdp(netns: number | undefined, address: string, port: number): Promise<LabConnection> {
  const isIpv6 = address.includes(':');
  const socket = createSocket(isIpv6 ? 'udp6' : 'udp4');
  socket.bind({ fd: bindUdp({ address: isIpv6 ? '::' : '0.0.0.0', port: 0, netns }) });
  const ask = (how?: 'slow'): Promise<Place | 'closed'> =>
    new Promise((resolve) => {
      const timer = setTimeout(resolve, TIMEOUT_MS, 'closed');
      socket.once('message', (data) => {
        clearTimeout(timer);
        resolve((JSON.parse(String(data)) as { by: Place }).by);
      });
      socket.send(how ?? 'who?');
    });
  return new Promise((resolve) => {
    socket.connect(port, address, () => resolve({ ask, [Symbol.dispose]: () => socket.close() }));
  });
}

function isEperm({ code }: NodeJS.ErrnoException): boolean {
  return code === 'EPERM';
}

function outcomeOf({ code }: NodeJS.ErrnoException): Outcome {
  return code === 'ECONNREFUSED' ? 'refused' : 'nothing';
}

function connection(socket: Socket): LabConnection {
  return {
    ask: () =>
      new Promise((resolve) => {
        const timer = setTimeout(resolve, TIMEOUT_MS, 'closed');
        socket.once('data', (data) => {
          clearTimeout(timer);
          resolve((JSON.parse(String(data)) as { by: Place }).by);
        });
        socket.once('error', () => resolve('closed'));
        socket.write('who?\n');
      }),
    [Symbol.dispose]: () => socket.destroy(),
  };
}
