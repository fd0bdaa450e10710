// Runs recorded cases (test/fixtures/apiserver) against a server and compares what it answers with what
// kube-apiserver answered. The format of the cases is described in test/fixtures/apiserver/README.md.

import { setTimeout as sleep } from 'node:timers/promises';
import { isDeepStrictEqual } from 'node:util';
import { type RecordedClient, RecordedWatch, type Reply, warningsOf } from './recorded-client.ts';
import { at, resolve, resolveString } from './recorded-references.ts';
import { byText, CaseValues, isMap, type Json, type JsonMap, textOf } from './recorded-values.ts';

export interface RecordedStep {
  readonly method?: string;
  readonly op?: 'watch' | 'events';
  readonly path?: string;
  readonly headers?: Record<string, string>;
  readonly body?: Json;
  readonly bodyText?: string;
  readonly patch?: keyof typeof PATCH_TYPES;
  readonly record?: 'code' | 'events' | 'headers' | 'names' | 'counts' | 'nobody';
  readonly pick?: readonly string[];
  readonly headers_wanted?: readonly string[];
  readonly waitMs?: number;
  readonly save?: string;
  readonly watch?: string;
  readonly count?: number;
  readonly untilClosed?: boolean;
  readonly sortFirst?: number;
  readonly expect: JsonMap;
}

export interface RecordedCase {
  readonly name: string;
  readonly area: string;
  readonly steps: readonly RecordedStep[];
}

const PATCH_TYPES = {
  json: 'application/json-patch+json',
  merge: 'application/merge-patch+json',
  strategic: 'application/strategic-merge-patch+json',
  apply: 'application/apply-patch+yaml',
} as const;

/** Runs one case; the numbers of the steps that were answered differently, none if it passed. */
export async function runRecordedCase(client: RecordedClient, recorded: RecordedCase): Promise<number[]> {
  const run = new CaseRun(client, recorded, runs++);
  try {
    return await run.steps();
  } finally {
    await run.cleanUp();
  }
}

/** Makes names unique among the cases of a process. */
let runs = 0;

class CaseRun {
  readonly #client: RecordedClient;
  readonly #case: RecordedCase;
  readonly #values: CaseValues;
  readonly #answers: Map<string, Json>;
  readonly #watches = new Map<string, RecordedWatch>();
  readonly #made: string[] = [];

  constructor(client: RecordedClient, recorded: RecordedCase, index: number) {
    this.#client = client;
    this.#case = recorded;
    const namespace = `case-${index}-run`;
    const id = `c${index}x`;
    this.#answers = new Map([
      ['ns', namespace],
      ['id', id],
    ]);
    const asked = JSON.stringify(recorded.steps.map((step) => ({ ...step, expect: undefined })));
    this.#values = new CaseValues(
      resolveString(asked.replaceAll(/\$\{(?!ns|id)/g, '$ {'), this.#answers),
      namespace,
      id,
    );
  }

  async steps(): Promise<number[]> {
    if (JSON.stringify(this.#case).includes('${ns}')) await this.#makeNamespace();
    const different: number[] = [];
    for (const [index, step] of this.#case.steps.entries()) {
      if (step.waitMs) await sleep(step.waitMs);
      const reply = await this.#send(step);
      const answer = reply.json ?? reply.events?.map((event) => event['object'] ?? null) ?? null;
      this.#answers.set(String(index), answer);
      if (step.save) this.#answers.set(step.save, answer);
      if (!isDeepStrictEqual(sorted(this.#observed(step, reply)), sorted(step.expect))) different.push(index);
    }
    return different;
  }

  /** Finalizers are removed by hand: no controller runs. */
  async cleanUp(): Promise<void> {
    for (const watch of this.#watches.values()) watch.stop();
    const merge = { 'content-type': PATCH_TYPES.merge };
    for (const path of this.#made.reverse()) {
      await this.#client.call({
        method: 'DELETE',
        path: `${path}?gracePeriodSeconds=0&propagationPolicy=Background`,
      });
      await this.#client.call({
        method: 'PATCH',
        path,
        headers: merge,
        body: '{"metadata":{"finalizers":null}}',
      });
    }
    await this.#endNamespace(this.#values.namespace);
  }

  async #endNamespace(name: string): Promise<void> {
    const path = `/api/v1/namespaces/${name}`;
    await this.#client.call({ method: 'DELETE', path });
    const body = JSON.stringify({ metadata: { name }, spec: { finalizers: [] } });
    await this.#client.call({ method: 'PUT', path: `${path}/finalize`, headers: JSON_BODY, body });
  }

  async #makeNamespace(): Promise<void> {
    const body = JSON.stringify({ metadata: { name: this.#values.namespace } });
    await this.#client.call({ method: 'POST', path: '/api/v1/namespaces', headers: JSON_BODY, body });
  }

  async #send(step: RecordedStep): Promise<Reply> {
    if (step.op === 'events') {
      const watch = this.#watches.get(step.watch ?? '');
      // A watch that was refused has no events; the refusal is told again.
      return (
        (await watch?.take(step.count ?? 0, step.untilClosed ?? false)) ?? {
          code: Number(step.expect['code']),
          headers: {},
          warnings: [],
          events: [],
        }
      );
    }
    const path = resolveString(step.path ?? '', this.#answers);
    const call = { method: step.method ?? 'GET', path, headers: this.#headers(step), body: this.#body(step) };
    if (step.op === 'watch') return this.#openWatch(step.watch ?? '', call);
    const reply = await this.#client.call(call);
    this.#remember(step, path, reply);
    return reply;
  }

  async #openWatch(name: string, call: Parameters<RecordedClient['open']>[0]): Promise<Reply> {
    const response = await this.#client.open(call);
    if (response.statusCode === 200) {
      this.#watches.set(name, new RecordedWatch(response));
      return { code: 200, headers: response.headers, warnings: warningsOf(response), text: '' };
    }
    response.resume();
    return this.#client.call(call);
  }

  #headers({ headers = {}, patch, body }: RecordedStep): Record<string, string> {
    const type =
      patch === undefined ? (body === undefined ? {} : JSON_BODY) : { 'content-type': PATCH_TYPES[patch] };
    return { ...type, ...(resolve(headers, this.#answers) as Record<string, string>) };
  }

  #body({ body, bodyText }: RecordedStep): string | undefined {
    if (bodyText !== undefined) return resolveString(bodyText, this.#answers);
    return body === undefined ? undefined : JSON.stringify(resolve(body, this.#answers));
  }

  #remember({ method }: RecordedStep, path: string, { code, json }: Reply): void {
    if (code !== 201 || path.includes('dryRun')) return;
    const [plain = ''] = path.split('?');
    const name = isMap(json) && isMap(json['metadata']) ? json['metadata']['name'] : undefined;
    this.#made.push(method === 'POST' ? `${plain}/${textOf(name)}` : plain);
  }

  /** The record of an answer, in the form of `expect`. */
  #observed(step: RecordedStep, reply: Reply): JsonMap {
    const out: JsonMap = { code: reply.code };
    if (step.record === 'code') return out;
    if (reply.warnings.length > 0) out['warnings'] = reply.warnings.map((text) => this.#warning(text)).sort();
    if (step.headers_wanted) {
      out['headers'] = Object.fromEntries(
        step.headers_wanted.map((name) => [name, String(reply.headers[name] ?? '') || null]),
      );
    }
    if (reply.events) return { ...out, ...this.#events(step, reply) };
    const { json } = reply;
    if (isMap(json) && json['kind'] === 'Status' && json['status'] === 'Failure')
      return { ...out, ...this.#values.failure(json), code: reply.code };
    if (step.record === 'headers') return out;
    if (json === undefined)
      return step.record === 'nobody' ? out : { ...out, text: this.#values.ownNames(reply.text ?? '') };
    return { ...out, ...this.#success(step, json) };
  }

  #success({ pick, record }: RecordedStep, json: Json): JsonMap {
    if (pick) {
      const found = pick.map((path): [string, Json | undefined] => [path, at(json, path.split('.'))]);
      const present = found.filter((pair): pair is [string, Json] => pair[1] !== undefined);
      return {
        picked: Object.fromEntries(
          present.map(([path, value]) => [path, this.#values.comparable(value, path.split('.').at(-1))]),
        ),
      };
    }
    const { items, metadata } = isMap(json) ? json : {};
    const list = this.#values.comparable(metadata ?? {}, 'metadata');
    const objects = Array.isArray(items) ? items.filter(isMap) : [];
    if (record === 'names')
      return {
        names: objects.map((item) => this.#values.ownNames(textOf(at(item, ['metadata', 'name'])))),
        list,
      };
    if (record === 'counts') return { count: objects.length, list };
    return { object: this.#values.comparable(json) };
  }

  #events({ record, sortFirst = 0 }: RecordedStep, { events = [], closed }: Reply): JsonMap {
    const told = events.filter((event) => event['type'] !== 'BOOKMARK' || endsInitialEvents(event['object']));
    const seen = told.map((event): JsonMap => this.#event(event, record === 'events'));
    const head = seen.splice(0, sortFirst).sort((a, b) => byText(a['object'] ?? a, b['object'] ?? b));
    return { events: [...head, ...seen], ...(closed && { closed }) };
  }

  #event(event: JsonMap, gist: boolean): JsonMap {
    const { type = null, object } = event;
    if (!isMap(object)) return { notAnEvent: this.#values.comparable(event) };
    if (!gist) return { type, object: this.#values.comparable(object) };
    if (object['kind'] === 'Status') return { type, status: this.#values.failure(object) };
    const name = at(object, ['metadata', 'name']);
    return {
      type,
      ...(typeof name === 'string' && { name: this.#values.ownNames(name) }),
      ...(endsInitialEvents(object) && { initialEventsEnd: true }),
    };
  }

  #warning(text: string): string {
    const known = /(unknown|duplicate) field "([^"]*)"/.exec(text);
    return known ? `${known[1]} field ${this.#values.ownNames(known[2] ?? '')}` : 'other';
  }
}

const JSON_BODY = { 'content-type': 'application/json' };

function endsInitialEvents(object: Json | undefined): boolean {
  return (
    object !== undefined && at(object, ['metadata', 'annotations', 'k8s.io/initial-events-end']) === 'true'
  );
}

/** Fields in one order, what is undefined left out. */
function sorted(value: Json): Json {
  return JSON.parse(JSON.stringify(value)) as Json;
}
