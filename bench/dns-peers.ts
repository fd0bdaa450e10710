// The servers that bench/dns.ts compares, and their configurations.

export interface Contestant {
  readonly name: string;
  /** Undefined: the peer is not present. */
  readonly command: readonly string[] | undefined;
  /** Where it answers. */
  readonly port: number;
  /** The variable that names its program. */
  readonly variable?: string | undefined;
  /** Ours shall answer so many times as much. */
  readonly goal?: number | undefined;
  /** What it answered per second elsewhere, on one core of a quiet machine: used where it is not present. */
  readonly recorded?: number | undefined;
}

export interface Surroundings {
  readonly portolan: readonly string[];
  readonly apiUrl: string;
  readonly upstreamPort: number;
  readonly names: readonly string[];
  /** Writes a file and returns where it is. */
  readonly file: (name: string, text: string) => string;
}

/** What is asked of a peer in one comparison. */
interface Terms {
  readonly goal?: number;
  readonly recorded?: number;
}

const COREDNS = 'PORTOLAN_PEER_COREDNS';
const UNBOUND = 'PORTOLAN_PEER_UNBOUND';
const FIRST_PORT = 15_353;
/** All contestants of a comparison run at the same time, so each has ports of its own. */
const OURS = 0;
const THEIRS = 1;
const UNBOUNDS = 2;

type Corefile = (slot: number, surroundings: Surroundings) => string;

/** The default of kubeadm, on the loopback. */
const kubeadmCorefile: Corefile = (slot, { apiUrl, upstreamPort }) => `.:${FIRST_PORT + slot} {
    bind 127.0.0.1
    errors
    health 127.0.0.1:${18_080 + slot} {
        lameduck 5s
    }
    ready 127.0.0.1:${18_180 + slot}
    kubernetes cluster.local in-addr.arpa ip6.arpa {
        endpoint ${apiUrl}
        pods insecure
        fallthrough in-addr.arpa ip6.arpa
        ttl 30
    }
    prometheus 127.0.0.1:${19_153 + slot}
    forward . 127.0.0.1:${upstreamPort} {
        max_concurrent 1000
    }
    cache 30 {
        disable success cluster.local
        disable denial cluster.local
    }
    loop
    reload
    loadbalance
}
`;

const bareCorefile: Corefile = (slot, { apiUrl }) => `.:${FIRST_PORT + slot} {
    bind 127.0.0.1
    kubernetes cluster.local {
        endpoint ${apiUrl}
        ttl 30
    }
}
`;

function unboundConfig({ names }: Surroundings): string {
  const data = names.map((name, i) => `  local-data: "${name}. 30 IN A 10.96.${i >> 8}.${i & 255}"`);
  return `server:
  interface: 127.0.0.1
  port: ${FIRST_PORT + UNBOUNDS}
  chroot: ""
  username: ""
  use-syslog: no
  pidfile: ""
  num-threads: 1
  do-daemonize: no
  local-zone: "cluster.local." static
${data.join('\n')}
`;
}

/** Ours and CoreDNS, with the same Corefile but for the ports. */
export function withKubeadm(surroundings: Surroundings, terms?: Terms): Contestant[] {
  return withCorefile('kubeadm', kubeadmCorefile, surroundings, terms);
}

export function withBareKubernetes(surroundings: Surroundings, terms?: Terms): Contestant[] {
  return withCorefile('bare', bareCorefile, surroundings, terms);
}

function withCorefile(
  kind: string,
  corefile: Corefile,
  surroundings: Surroundings,
  terms: Terms = {},
): Contestant[] {
  const [ours, theirs] = [OURS, THEIRS].map((slot) =>
    surroundings.file(`Corefile.${kind}.${slot}`, corefile(slot, surroundings)),
  );
  const coredns = process.env[COREDNS];
  return [
    {
      name: 'portolan dns',
      command: [...surroundings.portolan, '--conf', ours ?? ''],
      port: FIRST_PORT + OURS,
    },
    {
      name: 'CoreDNS',
      command: coredns === undefined ? undefined : [coredns, '-conf', theirs ?? ''],
      port: FIRST_PORT + THEIRS,
      variable: COREDNS,
      ...terms,
    },
  ];
}

export function unbound(surroundings: Surroundings, terms: Terms = {}): Contestant {
  const program = process.env[UNBOUND];
  const config = surroundings.file('unbound.conf', unboundConfig(surroundings));
  return {
    name: 'unbound',
    command: program === undefined ? undefined : [program, '-d', '-c', config],
    port: FIRST_PORT + UNBOUNDS,
    variable: UNBOUND,
    ...terms,
  };
}
