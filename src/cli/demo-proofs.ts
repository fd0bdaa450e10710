import { connect as tlsConnect } from 'node:tls';
import type { ClusterStatus } from '#cluster/status.ts';
import {
  datagramFromHost,
  type EchoAnswer,
  echoAnswers,
  echoLineOf,
  exchange,
  fetchFromHost,
  fetchThroughProxy,
  httpScript,
  socksConnect,
  udpScript,
  type Vantage,
} from './demo-vantage.ts';

/** From where the demo sends its traffic. */
export interface Vantages {
  readonly pod: Vantage;
  readonly node: Vantage;
  readonly outside: Vantage;
  readonly status: ClusterStatus;
  /** PEM: the cluster's authority. */
  readonly ca: string;
}

/** One claim of an example, and the traffic that proves it. */
export interface Proof {
  readonly example: string;
  readonly claim: string;
  /** Resolves to what went where; rejects when the claim does not hold. */
  prove(from: Vantages): Promise<string>;
}

const WEB_REQUESTS = 12;
const NODE_PORT = 30080;
const NODE_PORT_UDP = 30900;

export const PROOFS: readonly Proof[] = [
  {
    example: '01-web',
    claim: 'a pod reaches a Service by its name, and all its pods in turn',
    async prove({ pod }) {
      const answers = echoAnswers(await pod.bash(httpScript('web', 80, WEB_REQUESTS)));
      expect(answers.length === WEB_REQUESTS, `${answers.length} of ${WEB_REQUESTS} requests were answered`);
      expect(podsOf(answers).length > 1, `all requests went to ${podsOf(answers).join()}`);
      return `http://web/ -> ${tally(answers)}`;
    },
  },
  {
    example: '01-web',
    claim: 'datagrams reach it too',
    prove: async ({ pod }) =>
      `udp://web:9000 -> ${place(echoLineOf(await pod.bash(udpScript('web', 9000))))}`,
  },
  {
    example: '01-web',
    claim: 'a node reaches it',
    async prove({ node, pod }) {
      const [address = ''] = await addressesOf(pod, 'web');
      const [answer] = echoAnswers(await node.bash(httpScript(address, 80)));
      return `http://${address}/ -> ${place(answer)}`;
    },
  },
  {
    example: '02-headless',
    claim: 'a headless Service resolves to its pods, and each pod has a name',
    async prove({ pod }) {
      const addresses = await addressesOf(pod, 'db');
      expect(addresses.length >= 2, `db has the addresses ${addresses.join()}`);
      const answers = await Promise.all(
        ['db-0', 'db-1'].map(async (name) => echoAnswers(await pod.bash(httpScript(`${name}.db`, 8080)))[0]),
      );
      expect(answers[0]?.pod === 'db-0' && answers[1]?.pod === 'db-1', `answered: ${podsOf(answers).join()}`);
      return `db -> ${addresses.join(', ')}; db-0.db -> ${place(answers[0])}; db-1.db -> ${place(answers[1])}`;
    },
  },
  {
    example: '03-nodeport',
    claim: 'a client outside of the cluster reaches the port of every node',
    async prove({ outside, status }) {
      const routes = await Promise.all(
        status.nodes.map(async ({ addresses: [address = ''] }) => {
          const [answer] = echoAnswers(await outside.bash(httpScript(address, NODE_PORT)));
          return `${address}:${NODE_PORT} -> ${place(answer)}`;
        }),
      );
      return routes.join('; ');
    },
  },
  {
    example: '03-nodeport',
    claim: 'so does this machine, on loopback addresses, over TCP and UDP',
    async prove({ status }) {
      const { hostAddress } = firstOf(status.nodes);
      const overTcp = await fetchFromHost(hostAddress, NODE_PORT);
      const overUdp = await datagramFromHost(hostAddress, NODE_PORT_UDP);
      return `http://${hostAddress}:${NODE_PORT}/ -> ${place(overTcp)}; udp ${NODE_PORT_UDP} -> ${place(overUdp)}`;
    },
  },
  {
    example: '04-externalname',
    claim: 'a name may stand for another',
    async prove({ pod }) {
      const [answer] = echoAnswers(await pod.bash(httpScript('shop', 80)));
      return `http://shop/ -> ${place(answer)}`;
    },
  },
  {
    example: '05-own-endpoints',
    claim: 'a Service without selector leads where its EndpointSlice says',
    async prove({ pod, status, ca }) {
      await pod.bash('exec 3<>/dev/tcp/control-plane/443');
      const socket = await socksConnect(status, 'control-plane.default.svc.cluster.local', 443);
      // The certificate proves who answers, whatever the name was.
      const secure = tlsConnect({ socket, ca, servername: 'kubernetes.default.svc' });
      const answer = await exchange(secure, 'GET /version HTTP/1.0\r\nConnection: close\r\n\r\n');
      const version = /"gitVersion":\s*"([^"]+)"/.exec(answer)?.[1];
      expect(version !== undefined, `/version answers ${JSON.stringify(answer.slice(0, 80))}`);
      return `https://control-plane/version -> the API server, ${version}`;
    },
  },
  {
    example: '06-session-affinity',
    claim: 'one client stays with one pod',
    async prove({ pod }) {
      const answers = echoAnswers(await pod.bash(httpScript('web-sticky', 80, WEB_REQUESTS)));
      expect(podsOf(answers).length === 1, `requests went to ${podsOf(answers).join()}`);
      return `http://web-sticky/ -> ${tally(answers)}`;
    },
  },
  {
    example: '07-dual-stack',
    claim: 'a Service has an address of each family, and both answer',
    async prove({ pod, status }) {
      const addresses = await addressesOf(pod, 'web-dual');
      expect(addresses.length === status.networks.length, `web-dual has the addresses ${addresses.join()}`);
      const routes = await Promise.all(
        addresses.map(async (address) => {
          const [answer] = echoAnswers(await pod.bash(httpScript(address, 80)));
          return `${address} -> ${place(answer)}`;
        }),
      );
      return routes.join('; ');
    },
  },
  {
    example: '08-client',
    claim: 'this machine reaches every Service by name, through the proxy',
    async prove({ status }) {
      const name = 'web.default.svc.cluster.local';
      const overHttp = await fetchThroughProxy(status, `http://${name}/`);
      const overSocks = echoAnswers(
        await exchange(await socksConnect(status, name, 80), 'GET / HTTP/1.0\r\n\r\n'),
      )[0];
      return `HTTP proxy -> ${place(overHttp)}; SOCKS5 -> ${place(overSocks)}`;
    },
  },
  {
    example: '09-node-local-dns',
    claim: 'a node answers what its pods and it ask the Service kube-dns, and counts it',
    async prove({ node }) {
      const [before, after] = [
        queriesIn(await node.bash(METRICS_SCRIPT)),
        queriesIn(await node.bash(`${QUERY_SCRIPT}; ${METRICS_SCRIPT}`)),
      ];
      expect(after > before, `${before} queries were counted before one, ${after} after it`);
      return `10.96.0.10 -> its own cache, ${after} queries`;
    },
  },
];

/** Asks for the address of example.test., byte by byte. */
const QUERY_SCRIPT = String.raw`printf '\1\2\1\0\0\1\0\0\0\0\0\0\7example\4test\0\0\1\0\1' > /dev/udp/10.96.0.10/53`;
const METRICS_SCRIPT = String.raw`exec 3<>/dev/tcp/127.0.0.1/9253; printf 'GET /metrics HTTP/1.0\r\n\r\n' >&3; cat <&3`;

/** How many queries a page of metrics has for the server at the address of Service kube-dns. */
function queriesIn(page: string): number {
  const counts = [...page.matchAll(/^coredns_dns_requests_total\{.*10\.96\.0\.10:53".*\} (\d+)$/gm)].map(
    ([, count]) => Number(count),
  );
  return counts.reduce((sum, count) => sum + count, 0);
}

async function addressesOf(pod: Vantage, name: string): Promise<string[]> {
  const output = await pod.bash(`getent ahosts ${name}`);
  return [...new Set(output.split('\n').flatMap((line) => line.split(/\s+/)[0] || []))];
}

function place(answer: EchoAnswer | undefined): string {
  if (answer === undefined) throw new Error('no answer');
  return `${answer.pod} on ${answer.node}`;
}

function tally(answers: readonly EchoAnswer[]): string {
  const counts = Map.groupBy(answers, place);
  return [...counts].map(([where, { length }]) => `${where} (${length}x)`).join(', ');
}

function podsOf(answers: readonly (EchoAnswer | undefined)[]): string[] {
  return [...new Set(answers.map((answer) => answer?.pod ?? 'nobody'))];
}

function firstOf<T>(list: readonly T[]): T {
  const [first] = list;
  if (first === undefined) throw new Error('there is none');
  return first;
}

function expect(holds: boolean, otherwise: string): void {
  if (!holds) throw new Error(otherwise);
}
