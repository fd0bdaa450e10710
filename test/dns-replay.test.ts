/**
 * What CoreDNS 1.15 was recorded to answer, asked of our server: every case and query, over real sockets. What we
 * answer otherwise on purpose is listed here and reasoned in docs/dns-differences.md.
 */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { describe, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { isDeepStrictEqual } from 'node:util';
import { Rtnetlink } from '#kernel/rtnetlink.ts';
import { comparable } from './support/dns-comparison.ts';
import {
  groupByServer,
  isAction,
  type RecordedAnswer,
  type RecordedCase,
  type RecordedEntry,
  readRecordedCases,
} from './support/dns-recording.ts';
import { type ReplayMachine, ReplayServer } from './support/dns-replay.ts';
import { enterTestNamespace } from './support/namespace.ts';

await enterTestNamespace();

/** How long a change of the cluster, a file or an upstream server may take to show. */
const PATIENCE_MS = 10_000;
const PAUSE_MS = 50;
/** Most of the time of a few cases is waiting. */
const SERVERS_AT_ONCE = 16;

interface Deviation {
  /** In place of what was recorded. */
  readonly answer: (recorded: RecordedAnswer) => RecordedAnswer;
  readonly compare?: RecordedEntry['compare'];
}

/** By case and query; each has a row in docs/dns-differences.md. */
const DEVIATIONS = new Map<string, Deviation>([
  [
    'apex-ns-service 5',
    {
      answer: (recorded) => {
        const server = 'kube-dns.kube-system.svc.cluster.LOCAL.';
        const common = { name: server, ttl: 30 };
        return {
          ...recorded,
          answer: [{ name: 'cluster.LOCAL.', type: 'NS', ttl: 30, data: server }],
          authority: [],
          additional: [
            { ...common, type: 'A', data: '10.96.0.10' },
            { ...common, type: 'AAAA', data: 'fd00:96::10' },
          ],
        };
      },
    },
  ],
  [
    'autopath-external 3',
    {
      answer: ({ answer, ...recorded }) => ({
        ...recorded,
        answer: answer.filter(({ type, ttl }) => type !== 'CNAME' || ttl === 30),
      }),
    },
  ],
  [
    'plugins-nsid 1',
    {
      answer: ({ edns, ...recorded }) => ({ ...recorded, edns: edns && { ...edns, do: false } }),
    },
  ],
  [
    'truncation-three-hundred 1',
    {
      compare: 'truncated',
      answer: (recorded) => ({ ...recorded, flags: ['qr', 'aa', 'tc', 'rd'] }),
    },
  ],
]);

const RESOLV_CONF = '/etc/resolv.conf';
const CASES = readRecordedCases();
const machine = prepareMachine();

describe('recorded', { concurrency: SERVERS_AT_ONCE }, () => {
  for (const group of groupByServer(CASES)) {
    const [first, second] = group;
    if (first === undefined) continue;
    const name = second === undefined ? first.name : `${first.area}: ${group.length} cases on one server`;
    test(name, async (t) => {
      await using server = await ReplayServer.start(first, machine);
      if (second === undefined) await replay(server, first);
      else for (const recorded of group) await t.test(recorded.name, () => replay(server, recorded));
    });
  }
});

async function replay(server: ReplayServer, recorded: RecordedCase): Promise<void> {
  const startedMs = performance.now();
  let waitedMs = 0;
  let patienceMs = 0;
  for (const [i, entry] of recorded.queries.entries()) {
    if (isAction(entry)) {
      await server.act(entry, recorded);
      waitedMs += entry.wait ?? 0;
      if (entry.wait === undefined) patienceMs = PATIENCE_MS;
      continue;
    }
    const secondsLate = () => Math.floor((performance.now() - startedMs - waitedMs) / 1000);
    await check(server, recorded, i, { secondsLate, patienceMs });
  }
}

interface Allowance {
  /** How much longer the case has taken than its waits: the machine is busy. */
  readonly secondsLate: () => number;
  readonly patienceMs: number;
}

async function check(
  server: ReplayServer,
  { name, queries, answers }: RecordedCase,
  i: number,
  { secondsLate, patienceMs }: Allowance,
): Promise<void> {
  const entry = queries[i] ?? assert.fail(`${name} has no query ${i}`);
  const recorded = server.expected(answers[i] ?? assert.fail(`${name} has no answer ${i}`));
  const deviation = DEVIATIONS.get(`${name} ${i}`);
  const wanted = deviation === undefined ? recorded : deviation.answer(recorded as RecordedAnswer);
  const rules = deviation?.compare === undefined ? entry : { ...entry, compare: deviation.compare };
  const endMs = performance.now() + patienceMs;
  for (;;) {
    const got = await server.ask(entry, wanted);
    const [expected, actual] = comparable(wanted, got, rules, secondsLate());
    if (deviation !== undefined)
      assert.notDeepEqual(...comparable(recorded, got, entry), `${name} ${i} is no deviation any more`);
    if (isDeepStrictEqual(actual, expected)) return;
    if (performance.now() > endMs)
      assert.deepEqual(actual, expected, `${name} ${i}: ${JSON.stringify(entry)}\n${server.log.join('\n')}`);
    await sleep(PAUSE_MS);
  }
}

test('all 321 cases with 1,585 queries are there, and what CoreDNS refuses is refused with its line', async () => {
  const entries = CASES.flatMap(({ queries }) => queries).filter((entry) => !isAction(entry));
  const queries = entries.filter(({ q, questions, raw }) => [q, questions, raw].some((x) => x !== undefined));
  assert.deepEqual([CASES.length, queries.length], [321, 1585]);
  const refused = CASES.filter(({ answers }) => isDeepStrictEqual(answers[0], { started: false }));
  assert.equal(refused.length, 23);
  for (const recorded of refused) {
    await using server = await ReplayServer.start(recorded, machine);
    assert.match(server.refusal?.message ?? '', /^\S*Corefile:\d+: /, recorded.name);
  }
});

test('every deviation has its row in docs/dns-differences.md, and every row its deviation', () => {
  const text = readFileSync(new URL('../docs/dns-differences.md', import.meta.url), 'utf8');
  const rows = Array.from(text.matchAll(/^\| `([\w-]+)` (\d+): /gm), ([, name, i]) => `${name} ${i}`);
  assert.deepEqual(rows.toSorted(), [...DEVIATIONS.keys()].toSorted());
});

/** An address besides those of loopback, ports that are all free, and a resolv.conf without search path as at the recording. */
function prepareMachine(): ReplayMachine {
  const hostAddress = '192.0.2.200';
  using rtnetlink = Rtnetlink.open();
  rtnetlink.addAddress({ link: 'lo', address: `${hostAddress}/32` });
  if (existsSync(RESOLV_CONF)) execFileSync('mount', ['--bind', '/dev/null', RESOLV_CONF]);
  let port = 20_000;
  return { hostAddress, nextPort: () => port++ };
}
