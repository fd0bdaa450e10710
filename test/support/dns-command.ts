// `portolan dns` as users run it: a process with a Corefile, a log and an exit code.
import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { createSocket } from 'node:dgram';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { launcher } from '#test/support/cluster.ts';
import { until } from '#test/support/until.ts';
import {
  CLASS_IN,
  type DnsMessage,
  decodeMessage,
  encodeQuery,
  HeaderFlag,
  parseName,
  RecordType,
} from '#wire/dns.ts';

export interface DnsCommand {
  readonly child: ChildProcess;
  /** What it has said so far, a line each. */
  lines(): string[];
  /** Waits for a line. */
  said(what: RegExp): Promise<string>;
  /** Waits for the end; `null`: a signal ended it. */
  ended(): Promise<number | null>;
}

/** Runs `portolan dns` until the test is over. */
export function startDnsCommand(
  t: TestContext,
  args: readonly string[],
  { env, as }: { env?: Record<string, string>; as?: readonly string[] } = {},
): DnsCommand {
  const [program = launcher, ...words] = [...(as ?? []), launcher, 'dns', ...args];
  const child = spawn(program, words, {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { ...process.env, KUBECONFIG: '', ...env },
  });
  let text = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (piece: string) => {
      text += piece;
    });
  }
  const closed = new Promise<number | null>((resolve) => child.once('close', resolve));
  const lines = (): string[] => text.split('\n').filter((line) => line !== '');
  t.after(async () => {
    child.kill('SIGKILL');
    await closed;
  });
  return {
    child,
    lines,
    ended: () => closed,
    async said(what) {
      const all = await until(
        `a line like ${what}`,
        async () => Promise.resolve(lines()),
        (found) => found.some((line) => what.test(line)) || child.exitCode !== null,
      );
      return all.find((line) => what.test(line)) ?? assert.fail(`no line like ${what}:\n${text}`);
    },
  };
}

/** A folder that goes with the test, and files in it. */
export function testFolder(t: TestContext): { path: string; file(name: string, text: string): string } {
  const path = mkdtempSync(join(tmpdir(), 'portolan-dns-'));
  t.after(() => rmSync(path, { recursive: true }));
  return {
    path,
    file(name, text) {
      writeFileSync(join(path, name), text);
      return join(path, name);
    },
  };
}

/** A port of 127.0.0.1 that is free over UDP and TCP. */
export async function freePort(): Promise<number> {
  for (;;) {
    const server = createServer();
    const port = await new Promise<number>((resolve) => {
      server.listen(0, '127.0.0.1', () => resolve((server.address() as { port: number }).port));
    });
    const socket = createSocket('udp4');
    const free = await new Promise<boolean>((resolve) => {
      socket.once('error', () => resolve(false));
      socket.bind(port, '127.0.0.1', () => resolve(true));
    });
    socket.close();
    await new Promise((resolve) => server.close(resolve));
    if (free) return port;
  }
}

/** Asks over UDP; undefined: no answer within a second. */
export function askDns(
  port: number,
  name: string,
  type: number = RecordType.A,
): Promise<DnsMessage | undefined> {
  return new Promise((resolve) => {
    const socket = createSocket('udp4');
    const end = (answer: DnsMessage | undefined): void => {
      clearTimeout(timer);
      socket.close();
      resolve(answer);
    };
    const timer = setTimeout(() => end(undefined), 1000);
    socket.on('error', () => end(undefined));
    socket.on('message', (bytes) => end(decodeMessage(bytes)));
    const question = { name: parseName(name) ?? [], type, class: CLASS_IN };
    socket.connect(port, '127.0.0.1', () => socket.send(encodeQuery(7, question, HeaderFlag.RD)));
  });
}

/** The rcode, or the addresses and other kinds of data, of an answer. */
export function outcomeOf(answer: DnsMessage | undefined): number | string[] | undefined {
  if (answer === undefined || answer.rcode !== 0) return answer?.rcode;
  return answer.answers.map(({ data }) => (data.kind === 'address' ? data.address : data.kind));
}
