/**
 * What CoreDNS 1.15 answered to questions that were made by rule: clusters at random with names near those there are, one
 * server block after the other of the plugins `rewrite`, `template` and smaller ones, and several plugins together. Where
 * both differ on purpose stands in docs/dns-differences.md; such questions are not among these.
 */
import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { describe, test } from 'node:test';
import { comparable } from './support/dns-comparison.ts';
import type { RecordedCase, UpstreamRule } from './support/dns-recording.ts';
import { ReplayServer } from './support/dns-replay.ts';
import { enterTestNamespace } from './support/namespace.ts';

await enterTestNamespace();

/** Cases of one file share their upstream servers. */
interface JudgedFile {
  readonly upstreams: Readonly<Record<string, readonly UpstreamRule[]>>;
  readonly cases: readonly RecordedCase[];
}

const FOLDER = new URL('./fixtures/dns/judged/', import.meta.url);
const SERVERS_AT_ONCE = 8;
let port = 20_000;
const machine = { hostAddress: '127.0.0.1', nextPort: () => port++ };

function readJudged(file: string): RecordedCase[] {
  const { upstreams, cases } = JSON.parse(readFileSync(new URL(file, FOLDER), 'utf8')) as JudgedFile;
  return cases.map((each) => ({ ...each, upstreams }));
}

for (const file of readdirSync(FOLDER).toSorted()) {
  describe(`judged: ${file}`, { concurrency: SERVERS_AT_ONCE }, () => {
    for (const judged of readJudged(file)) {
      test(`${judged.name}: ${judged.corefile.replaceAll(/\s+/g, ' ').slice(0, 100)}`, async () => {
        await using server = await ReplayServer.start(judged, machine);
        assert.equal(server.refusal, undefined);
        for (const [i, entry] of judged.queries.entries()) {
          const wanted = server.expected(judged.answers[i] ?? assert.fail(`no answer ${i}`));
          const got = await server.ask(entry, wanted);
          const [expected, actual] = comparable(wanted, got, { ...entry, ttl: 1 });
          assert.deepEqual(actual, expected, `${i}: ${JSON.stringify(entry)}`);
        }
      });
    }
  });
}
