import { execFile } from 'node:child_process';
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { request } from 'node:http';
import { connect, type Socket } from 'node:net';
import { promisify } from 'node:util';
import { ownCommand } from '#cluster/entries.ts';
import type { ClusterStatus } from '#cluster/status.ts';
import type { ClientConfig } from '#kube/client.ts';
import { execInPod } from '#kube/exec.ts';
import { formatAddressPort } from '#lib/ip.ts';

const runFile = promisify(execFile);
const TIMEOUT_MS = 5000;

/** Somewhere in or around the cluster from where traffic is sent by ordinary programs. */
export interface Vantage {
  readonly name: string;
  /** Runs a script of bash(1) there; resolves to what it prints. Rejects when its exit code is not 0. */
  bash(script: string): Promise<string>;
}

/** What the echo program says of itself and of its client. */
export interface EchoAnswer {
  readonly pod: string;
  readonly node: string;
  readonly client: string;
}

/** Inside a pod's container: its own name resolution, its own network. */
export function podVantage(config: ClientConfig, pod: string): Vantage {
  return {
    name: `pod ${pod}`,
    async bash(script) {
      const command = ['timeout', '5', 'bash', '-c', script];
      const { stdout, stderr, exitCode } = await execInPod(config, { namespace: 'default', pod, command });
      if (exitCode !== 0) throw new Error(`in pod ${pod}: exit code ${exitCode}: ${stderr.trim()}`);
      return stdout;
    },
  };
}

/** In the network of `outside` or `node/NAME`. */
export function networkVantage(name: string, target: string, clusterWords: readonly string[]): Vantage {
  return {
    name,
    async bash(script) {
      const [program, ...words] = ownCommand();
      const inside = ['--', 'timeout', '5', 'bash', '-c', script];
      const { stdout } = await runFile(program, [...words, 'enter', target, ...clusterWords, ...inside]);
      return stdout;
    },
  };
}

/** An HTTP request by nothing but bash, which is everywhere; each script line is one connection. */
export function httpScript(host: string, port: number, times = 1): string {
  const send = `printf 'GET / HTTP/1.0\\r\\nHost: ${host}\\r\\n\\r\\n' >&3`;
  return `for i in $(seq ${times}); do exec 3<>/dev/tcp/${host}/${port} && ${send} && cat <&3 || exit 1; exec 3<&-; done`;
}

export function udpScript(host: string, port: number): string {
  return `exec 3<>/dev/udp/${host}/${port}; echo hello >&3; timeout 3 head -n 1 <&3`;
}

/** Reads every answer of the echo program in an output of `httpScript()`. */
export function echoAnswers(output: string): EchoAnswer[] {
  return output
    .split(/^HTTP\/1\.\d /m)
    .slice(1)
    .map((response) => {
      const [head = '', ...body] = response.split('\r\n\r\n');
      if (!head.startsWith('200 ')) throw new Error(`HTTP ${head.split('\r\n')[0]}`);
      return JSON.parse(body.join('\r\n\r\n')) as EchoAnswer;
    });
}

/** Reads the line that the echo program sends before what it was sent over UDP. */
export function echoLineOf(output: string): EchoAnswer {
  const fields = Object.fromEntries(
    output
      .trim()
      .split(' ')
      .map((pair) => pair.split('=', 2) as [string, string]),
  );
  const { pod, node, client } = fields;
  if (!pod || !node || !client) throw new Error(`no answer of the echo program: ${JSON.stringify(output)}`);
  return { pod, node, client };
}

/** This machine itself, without any set-up: HTTP to a loopback address. */
export async function fetchFromHost(host: string, port: number): Promise<EchoAnswer> {
  const response = await fetch(`http://${formatAddressPort(host, port)}/`, {
    signal: AbortSignal.timeout(TIMEOUT_MS),
  });
  return (await response.json()) as EchoAnswer;
}

/** A datagram from this machine to a loopback address. */
export async function datagramFromHost(host: string, port: number): Promise<EchoAnswer> {
  const socket = createSocket('udp4');
  try {
    socket.send('hello', port, host);
    const [answer] = (await once(socket, 'message', { signal: AbortSignal.timeout(TIMEOUT_MS) })) as [Buffer];
    return echoLineOf(answer.toString().split('\n')[0] ?? '');
  } finally {
    socket.close();
  }
}

/** Through the HTTP side of the proxy: the request names the Service. */
export async function fetchThroughProxy(status: ClusterStatus, url: string): Promise<EchoAnswer> {
  const { hostname, port } = new URL(`http://${status.proxy}`);
  const outgoing = request({ host: hostname, port, path: url, headers: { host: new URL(url).host } });
  outgoing.end();
  const [response] = (await once(outgoing, 'response', { signal: AbortSignal.timeout(TIMEOUT_MS) })) as [
    AsyncIterable<Buffer> & { statusCode: number },
  ];
  const text = Buffer.concat(await Array.fromAsync(response)).toString();
  if (response.statusCode !== 200) throw new Error(`HTTP ${response.statusCode}: ${text.trim()}`);
  return JSON.parse(text) as EchoAnswer;
}

/** Connects through the SOCKS5 side of the proxy; the name is resolved by the cluster. */
export async function socksConnect(status: ClusterStatus, name: string, port: number): Promise<Socket> {
  const proxy = new URL(`http://${status.proxy}`);
  const socket = connect({ host: proxy.hostname, port: Number(proxy.port) });
  socket.setTimeout(TIMEOUT_MS, () => socket.destroy(new Error(`${name}:${port}: no answer through SOCKS`)));
  const next = async (): Promise<Buffer> => ((await once(socket, 'data')) as [Buffer])[0];
  socket.write(Uint8Array.of(5, 1, 0));
  await next();
  const target = Buffer.from(
    `\u0005\u0001\u0000\u0003${String.fromCharCode(name.length)}${name}\0\0`,
    'latin1',
  );
  target.writeUInt16BE(port, target.length - 2);
  socket.write(target);
  const [, code] = await next();
  if (code === 0) return socket;
  socket.destroy();
  throw new Error(`SOCKS5 reply ${code} for ${name}:${port}`);
}

/** Sends a request over a connection and reads until the other side ends it. */
export async function exchange(socket: Socket, send: string): Promise<string> {
  try {
    socket.write(send);
    return (await Array.fromAsync(socket as AsyncIterable<Buffer>)).join('');
  } finally {
    socket.destroy();
  }
}
