// The servers that bench/dns.ts compares, and their configurations.
import { PORT } from './dns-load.ts';

export interface Contestant {
  readonly name: string;
  /** Undefined: the peer is not present. */
  readonly command: readonly string[] | undefined;
  /** The variable that names its program. */
  readonly variable?: string;
}

interface Surroundings {
  readonly portolan: readonly string[];
  readonly apiUrl: string;
  readonly upstreamPort: number;
  readonly names: readonly string[];
  /** Writes a file and returns where it is. */
  readonly file: (name: string, text: string) => string;
}

const COREDNS = 'PORTOLAN_PEER_COREDNS';
const UNBOUND = 'PORTOLAN_PEER_UNBOUND';

/** The default of kubeadm, on the loopback. */
function kubeadmCorefile({ apiUrl, upstreamPort }: Surroundings): string {
  return `.:${PORT} {
    bind 127.0.0.1
    errors
    health 127.0.0.1:18080 {
        lameduck 5s
    }
    ready 127.0.0.1:18181
    kubernetes cluster.local in-addr.arpa ip6.arpa {
        endpoint ${apiUrl}
        pods insecure
        fallthrough in-addr.arpa ip6.arpa
        ttl 30
    }
    prometheus 127.0.0.1:19153
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
}

function bareCorefile({ apiUrl }: Surroundings): string {
  return `.:${PORT} {
    bind 127.0.0.1
    kubernetes cluster.local {
        endpoint ${apiUrl}
        ttl 30
    }
}
`;
}

function unboundConfig({ names }: Surroundings): string {
  const data = names.map((name, i) => `  local-data: "${name}. 30 IN A 10.96.${i >> 8}.${i & 255}"`);
  return `server:
  interface: 127.0.0.1
  port: ${PORT}
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

/** With the same Corefile each. */
export function withKubeadm(surroundings: Surroundings): Contestant[] {
  return withCorefile(surroundings.file('Corefile.kubeadm', kubeadmCorefile(surroundings)), surroundings);
}

export function withBareKubernetes(surroundings: Surroundings): Contestant[] {
  return withCorefile(surroundings.file('Corefile.bare', bareCorefile(surroundings)), surroundings);
}

function withCorefile(corefile: string, { portolan }: Surroundings): Contestant[] {
  const coredns = process.env[COREDNS];
  return [
    { name: 'portolan dns', command: [...portolan, '--conf', corefile] },
    {
      name: 'CoreDNS',
      command: coredns === undefined ? undefined : [coredns, '-conf', corefile],
      variable: COREDNS,
    },
  ];
}

export function unbound(surroundings: Surroundings): Contestant {
  const program = process.env[UNBOUND];
  const config = surroundings.file('unbound.conf', unboundConfig(surroundings));
  return {
    name: 'unbound',
    command: program === undefined ? undefined : [program, '-d', '-c', config],
    variable: UNBOUND,
  };
}
