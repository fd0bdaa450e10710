/** A server in front of what a recorded case needs, and the steps of cases done with it. */
import assert from 'node:assert/strict';
import { mkdtempSync, writeFileSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { corefileSource } from '#dns/corefile-source.ts';
import { startDnsServer } from '#dns/server.ts';
import { decodeMessage } from '#wire/dns.ts';
import { exchange, isWholeTransfer } from './dns-client.ts';
import {
  fill,
  objectsOf,
  type RecordedAnswer,
  type RecordedCase,
  type RecordedEntry,
  type RecordedResult,
} from './dns-recording.ts';
import { ScriptedUpstream } from './dns-upstream.ts';
import { encodeRecordedQuery, isWholeMessage, wordMessages } from './dns-wording.ts';
import { type FakeApi, startFakeApi } from './fake-api.ts';

/** Placeholders that stand for an address of their own. */
const ADDRESSES = ['READY', 'HEALTH', 'METRICS', 'UP1', 'UP2', 'UP3'];
const PORTS = ['PORT', 'PORT2'];
/** How long an answer may take on a busy machine, and how long there has to be none where none is expected. */
const PATIENCE_MS = 20_000;
const SILENCE_MS = 1000;

export interface ReplayMachine {
  /** One that nobody listens on, over UDP and TCP, and nobody is going to but who asked. */
  nextPort(): number;
  /** An address of the machine other than a loopback one. */
  readonly hostAddress: string;
}

/** API server, upstream servers, files, and the server that is asked. */
export class ReplayServer implements AsyncDisposable {
  /** Why it refused to start. */
  readonly refusal: Error | undefined;
  readonly log: readonly string[];
  readonly #values: ReadonlyMap<string, string>;
  readonly #api: FakeApi;
  readonly #upstreams: ReadonlyMap<string, ScriptedUpstream>;
  readonly #stack: AsyncDisposableStack;

  private constructor(parts: {
    readonly values: ReadonlyMap<string, string>;
    readonly api: FakeApi;
    readonly upstreams: ReadonlyMap<string, ScriptedUpstream>;
    readonly stack: AsyncDisposableStack;
    readonly log: readonly string[];
    readonly refusal: Error | undefined;
  }) {
    this.refusal = parts.refusal;
    this.log = parts.log;
    this.#values = parts.values;
    this.#api = parts.api;
    this.#upstreams = parts.upstreams;
    this.#stack = parts.stack;
  }

  /** For a case, and all others that can share its server. */
  static async start(recorded: RecordedCase, machine: ReplayMachine): Promise<ReplayServer> {
    await using undo = new AsyncDisposableStack();
    const folder = mkdtempSync(join(tmpdir(), 'dns-replay-'));
    undo.defer(() => rm(folder, { recursive: true }));
    const values = placeholders(machine, folder);
    const api = undo.use(await startFakeApi(fill(objectsOf(recorded), values)));
    values.set('API', api.url);
    if (recorded.start?.hold === true) api.hold();
    const upstreams = new Map<string, ScriptedUpstream>();
    for (const [name, rules] of Object.entries(recorded.upstreams ?? {})) {
      const port = Number(values.get(name)?.split(':')[1]);
      const upstream = undo.use(new ScriptedUpstream(fill(rules, values), port));
      upstreams.set(name, upstream);
      if (recorded.start?.down?.includes(name) !== true) await upstream.start();
    }
    for (const [name, text] of Object.entries(recorded.files ?? {}))
      writeFileSync(join(folder, name), fill(text, values));
    writeKubeconfig(folder, api.url);
    const text = fill(recorded.corefile, values);
    const { refusal, log } = await startServer(text, folder, undo);
    return new ReplayServer({ values, api, upstreams, stack: undo.move(), refusal, log });
  }

  /** Does an action. */
  async act(entry: RecordedEntry, { changes = {} }: RecordedCase): Promise<void> {
    if (entry.apply !== undefined) {
      for (const { op, object } of fill(changes[entry.apply] ?? [], this.#values))
        this.#api[op ?? 'apply'](object);
    }
    if (entry.api !== undefined) this.#api[entry.api]();
    if (entry.wait !== undefined) await sleep(entry.wait);
    if (entry.writeFile !== undefined)
      writeFileSync(join(this.#value('DIR'), entry.writeFile), fill(entry.text ?? '', this.#values));
    if (entry.upstream !== undefined) {
      const upstream = this.#upstreams.get(entry.upstream);
      await (entry.up === true ? upstream?.start() : upstream?.stop());
    }
  }

  /** Asks for something; if an answer is expected, with patience. */
  async ask(entry: RecordedEntry, expected: RecordedResult): Promise<RecordedResult> {
    if (entry.start !== undefined) return { started: this.refusal === undefined };
    if (entry.get !== undefined) return page(fill(entry.get, this.#values));
    if (entry.metrics !== undefined)
      return metricShapes((await page(fill(entry.metrics, this.#values))).body);
    if (entry.upstreamLog !== undefined)
      return { log: this.#upstreams.get(entry.upstreamLog)?.takeLog() ?? [] };
    const timeout = 'none' in expected ? (entry.timeout ?? SILENCE_MS) : PATIENCE_MS;
    return this.#query({ ...fill(entry, this.#values), timeout });
  }

  async #query(entry: RecordedEntry): Promise<RecordedResult> {
    const orders = new Set<string>();
    let result: RecordedResult = {};
    for (let turn = 0; turn < (entry.repeat ?? 1); turn++) {
      const messages = await this.#exchange(entry);
      if (messages.length === 0) return { none: 'timeout' };
      const answer = wordMessages(messages);
      orders.add(answer.answer.map(({ data }) => data).join('\n'));
      result = { ...answer, ...details(entry, messages, answer) };
    }
    return { ...result, ...(entry.repeat !== undefined && { orderVaries: orders.size > 1 }) };
  }

  async #exchange(entry: RecordedEntry): Promise<readonly Buffer[]> {
    const id = entry.raw === undefined ? 0x2a17 : Number.parseInt(entry.raw.slice(0, 4), 16);
    const port = Number(this.#value(entry.to ?? 'PORT'));
    const messages = await exchange(encodeRecordedQuery(entry, id), {
      port,
      transport: entry.transport,
      source: entry.source,
      timeoutMs: entry.timeout,
      bare: entry.noPrefix,
      ...(isTransfer(entry) && { isAll: isWholeTransfer }),
    });
    for (const message of messages) {
      assert.equal(decodeMessage(message).id, id, 'the ID of another query');
      assert(isWholeMessage(message), 'bytes behind the last record');
    }
    return messages;
  }

  #value(name: string): string {
    return this.#values.get(name) ?? assert.fail(`there is no ${name}`);
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.#stack.disposeAsync();
  }

  /** With placeholders filled in. */
  expected(result: RecordedResult): RecordedResult {
    return fill(result, this.#values);
  }
}

async function startServer(
  text: string,
  folder: string,
  stack: AsyncDisposableStack,
): Promise<{ refusal: Error | undefined; log: readonly string[] }> {
  const log: string[] = [];
  const file = join(folder, 'Corefile');
  writeFileSync(file, text);
  const apiClient = () => Promise.reject(new Error('the Corefile says which API server'));
  try {
    const options = { ...corefileSource({ file }), apiClient, log: (line: string) => void log.push(line) };
    stack.use(await startDnsServer(options));
    return { refusal: undefined, log };
  } catch (error) {
    return { refusal: error as Error, log };
  }
}

function placeholders(machine: ReplayMachine, folder: string): Map<string, string> {
  return new Map([
    ['DIR', folder],
    ['HOSTIP', machine.hostAddress],
    ['HOSTIP-DASHED', machine.hostAddress.replaceAll('.', '-')],
    ...PORTS.map((name) => [name, String(machine.nextPort())] as const),
    ...ADDRESSES.map((name) => [name, `127.0.0.1:${machine.nextPort()}`] as const),
  ]);
}

/** Cases may name it; its context is `x`. */
function writeKubeconfig(folder: string, server: string): void {
  const config = {
    apiVersion: 'v1',
    kind: 'Config',
    'current-context': 'x',
    clusters: [{ name: 'x', cluster: { server } }],
    users: [{ name: 'x', user: {} }],
    contexts: [{ name: 'x', context: { cluster: 'x', user: 'x' } }],
  };
  writeFileSync(join(folder, 'kubeconfig'), JSON.stringify(config));
}

function isTransfer({ type = '', transport }: RecordedEntry): boolean {
  return transport === 'tcp' && (type === 'AXFR' || type === 'IXFR');
}

function details(
  entry: RecordedEntry,
  messages: readonly Buffer[],
  { answer }: RecordedAnswer,
): Partial<RecordedAnswer> {
  const size = messages[0]?.length ?? 0;
  const [first] = answer;
  const soas = [first, answer.at(-1)].filter((record) => record?.type === 'SOA');
  return {
    ...(entry.compare === 'truncated' && { size }),
    ...(entry.checkFirst === true && first !== undefined && { first: first.data }),
    ...(isTransfer(entry) &&
      answer.length > 0 && { soaFirstAndLast: answer.length > 1 && soas.length === 2 }),
  };
}

async function page(address: string): Promise<{ status: number; body: string }> {
  try {
    const response = await fetch(`http://${address}`);
    return { status: response.status, body: (await response.text()).trim() };
  } catch {
    return { status: 0, body: '' };
  }
}

/** Types and label names of CoreDNS's metrics, by name. */
function metricShapes(text: string): Record<string, { type: string; labels: string[] }> {
  const shapes: Record<string, { type: string; labels: string[] }> = {};
  for (const [, name = '', type = ''] of text.matchAll(/^# TYPE (coredns_\S+) (\S+)/gm))
    shapes[name] = { type, labels: [] };
  for (const [, sample = '', labels = ''] of text.matchAll(/^(coredns_\w+)(?:\{(.*)\})? /gm)) {
    const shape = shapes[sample] ?? shapes[sample.replace(/_(bucket|sum|count)$/, '')];
    if (shape === undefined) continue;
    const names = Array.from(labels.matchAll(/(\w+)="(?:[^"\\]|\\.)*"/g), ([, name = '']) => name);
    const own = names.filter((name) => !(name === 'le' && shape.type === 'histogram'));
    shape.labels = [...new Set([...shape.labels, ...own])].sort();
  }
  return shapes;
}
