/** What the built-in echo program listens on and says. Pure. */

export interface EchoPorts {
  http: number[];
  tcp: number[];
  udp: number[];
}

export interface EchoIdentity {
  pod: string;
  namespace: string;
  node: string;
}

/** Bad arguments of the echo program: it ends with exit code 2 and this message. */
export class EchoUsageError extends Error {}

const FLAGS = { '--http-port': 'http', '--tcp-port': 'tcp', '--udp-port': 'udp', '--port': 'http' } as const;

/**
 * Ports by `--http-port`, `--tcp-port` and `--udp-port` (each may be repeated or hold a comma list), else by PORT;
 * nothing given means HTTP on 8080. Throws EchoUsageError.
 */
export function planEchoPorts(args: readonly string[], environment: ReadonlyMap<string, string>): EchoPorts {
  const ports: EchoPorts = { http: [], tcp: [], udp: [] };
  for (let at = 0; at < args.length; at++) {
    const [flag = '', inline] = (args[at] ?? '').split('=', 2);
    const kind = Object.hasOwn(FLAGS, flag) ? FLAGS[flag as keyof typeof FLAGS] : undefined;
    if (kind === undefined) {
      throw new EchoUsageError(
        `echo: unknown argument ${args[at]}; known are ${Object.keys(FLAGS).join(', ')}`,
      );
    }
    ports[kind].push(...parsePorts(inline ?? args[++at] ?? '', flag));
  }
  const none = ports.http.length + ports.tcp.length + ports.udp.length === 0;
  if (none) ports.http.push(...parsePorts(environment.get('PORT') ?? '8080', 'PORT'));
  return ports;
}

function parsePorts(text: string, from: string): number[] {
  return text.split(',').map((part) => {
    const port = Number(part);
    if (!/^\d+$/.test(part) || port < 1 || port > 65_535) {
      throw new EchoUsageError(`echo: ${from}: ${JSON.stringify(part)} is no port between 1 and 65535`);
    }
    return port;
  });
}

/** The line before what is echoed over TCP and UDP. */
export function echoLine({ pod, namespace, node }: EchoIdentity, client: string): string {
  return `pod=${pod} namespace=${namespace} node=${node} client=${client}`;
}
