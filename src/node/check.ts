/** One attempt of a probe or a lifecycle hook: http, tcp, grpc or a command in the container. */
import http from 'node:http';
import https from 'node:https';
import net from 'node:net';
import type { Container, ExecAction, GRPCAction, HTTPGetAction, TCPSocketAction } from '#api/core/v1.gen.ts';
import { checkGrpc } from './check-grpc.ts';
import type { RunningContainer } from './running-container.ts';

export interface CheckAction {
  exec?: ExecAction | undefined;
  httpGet?: HTTPGetAction | undefined;
  tcpSocket?: TCPSocketAction | undefined;
  grpc?: GRPCAction | undefined;
}

export interface CheckTarget {
  /** Names of ports are looked up here. */
  container: Container;
  running: RunningContainer;
  /** Where http, tcp and grpc go unless the action names a host. */
  address: string;
}

export interface CheckResult {
  ok: boolean;
  /** What was wrong. */
  message: string;
  /** Nobody listens: the program has seen nothing of the attempt. */
  refused: boolean;
}

export const OK: CheckResult = { ok: true, message: '', refused: false };
export const failed = (message: string, refused = false): CheckResult => ({ ok: false, message, refused });

const MAX_OUTPUT = 10 << 10;
const USER_AGENT = 'kube-probe/1.37';

/** Never rejects: what goes wrong is a failed check. */
export async function runCheck(
  action: CheckAction,
  target: CheckTarget,
  timeoutMs: number,
): Promise<CheckResult> {
  try {
    const { exec, httpGet, tcpSocket, grpc } = action;
    if (exec) return await checkExec(exec.command ?? [], target.running, timeoutMs);
    if (httpGet) return await checkHttp(httpGet, target, timeoutMs);
    if (tcpSocket) {
      const port = portNumber(tcpSocket.port, target.container);
      return await checkTcp(tcpSocket.host || target.address, port, timeoutMs);
    }
    if (grpc) return await checkGrpc(target.address, grpc.port, grpc.service ?? '', timeoutMs);
    return failed('missing probe handler');
  } catch (error) {
    return failed((error as Error).message);
  }
}

function portNumber(port: number | string, container: Container): number {
  if (typeof port === 'number') return port;
  const named = container.ports?.find(({ name }) => name === port);
  const number = named?.containerPort ?? (/^\d+$/.test(port) ? Number(port) : undefined);
  if (number === undefined)
    throw new Error(`couldn't find port: ${JSON.stringify(port)} in container ${container.name}`);
  return number;
}

const isRefused = (error: unknown): boolean => (error as NodeJS.ErrnoException).code === 'ECONNREFUSED';

function dialError(host: string, port: number, error: NodeJS.ErrnoException): string {
  const where = host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`;
  const why = error.code === 'ECONNREFUSED' ? 'connect: connection refused' : error.message;
  return `dial tcp ${where}: ${why}`;
}

function checkTcp(host: string, port: number, timeoutMs: number): Promise<CheckResult> {
  const { promise, resolve } = Promise.withResolvers<CheckResult>();
  const socket = net.connect({ host, port });
  socket.setTimeout(timeoutMs, () => {
    socket.destroy();
    resolve(failed(`dial tcp ${host}:${port}: i/o timeout`));
  });
  socket.once('connect', () => {
    socket.destroy();
    resolve(OK);
  });
  socket.once('error', (error) => resolve(failed(dialError(host, port, error), isRefused(error))));
  return promise;
}

function checkHttp(action: HTTPGetAction, target: CheckTarget, timeoutMs: number): Promise<CheckResult> {
  const { promise, resolve } = Promise.withResolvers<CheckResult>();
  const secure = (action.scheme ?? 'HTTP').toUpperCase() === 'HTTPS';
  const host = action.host || target.address;
  const port = portNumber(action.port, target.container);
  const path = action.path?.startsWith('/') === false ? `/${action.path}` : (action.path ?? '/');
  const url = `${secure ? 'https' : 'http'}://${host.includes(':') ? `[${host}]` : host}:${port}${path}`;
  const given = Object.fromEntries(
    (action.httpHeaders ?? []).map(({ name, value }) => [name.toLowerCase(), value]),
  );
  const headers = { 'user-agent': USER_AGENT, accept: '*/*', connection: 'close', ...given };
  const request = (secure ? https : http).request({
    host,
    port,
    path,
    headers,
    agent: false,
    rejectUnauthorized: false,
  });
  const timer = setTimeout(() => {
    request.destroy();
    resolve(
      failed(`Get "${url}": context deadline exceeded (Client.Timeout exceeded while awaiting headers)`),
    );
  }, timeoutMs);
  request.once('response', (response) => {
    clearTimeout(timer);
    const status = response.statusCode ?? 0;
    response.destroy();
    resolve(status >= 200 && status < 400 ? OK : failed(`HTTP probe failed with statuscode: ${status}`));
  });
  request.once('error', (error) => {
    clearTimeout(timer);
    resolve(failed(`Get "${url}": ${dialError(host, port, error)}`, isRefused(error)));
  });
  request.end();
  return promise;
}

async function checkExec(
  command: readonly string[],
  running: RunningContainer,
  timeoutMs: number,
): Promise<CheckResult> {
  const session = await running.exec({ command, stdin: false, stdout: true, stderr: true, tty: false });
  const chunks: Buffer[] = [];
  let length = 0;
  const collect = (chunk: Buffer): void => {
    if (length < MAX_OUTPUT) chunks.push(chunk);
    length += chunk.length;
  };
  session.stdout?.on('data', collect);
  session.stderr?.on('data', collect);
  const late = Promise.withResolvers<undefined>();
  const timer = setTimeout(() => late.resolve(undefined), timeoutMs);
  const exit = await Promise.race([session.exit, late.promise]);
  clearTimeout(timer);
  session.close();
  if (exit === undefined)
    return failed(`command timed out: "${command.join(' ')}" timed out after ${timeoutMs / 1000}s`);
  const code = 'exitCode' in exit ? exit.exitCode : 128;
  return code === 0
    ? OK
    : failed(Buffer.concat(chunks).toString().slice(0, MAX_OUTPUT) || `exit status ${code}`);
}
