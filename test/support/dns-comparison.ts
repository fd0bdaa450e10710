import type { RecordedAnswer, RecordedEntry, RecordedRecord, RecordedResult } from './dns-recording.ts';

const SECTIONS = ['answer', 'authority', 'additional'] as const;

type Comparable = object;

/**
 * What was recorded and what came, reduced to what has to be equal: names with their case, sections in any order,
 * TTLs as far as the entry says, of what is truncated only that it is. `secondsLate`: how much longer than the recording
 * this has taken; a TTL that counts down may be lower by so much.
 */
export function comparable(
  expected: RecordedResult,
  got: RecordedResult,
  entry: RecordedEntry,
  secondsLate = 0,
): readonly [expected: Comparable, got: Comparable] {
  if ('none' in expected || 'none' in got) return [{ none: 'none' in expected }, { none: 'none' in got }];
  if ('log' in expected && entry.compare !== 'full') return [shortLog(expected), shortLog(got)];
  if (!isAnswer(expected) || !isAnswer(got)) return [expected, got];
  if (entry.compare === 'rcode') return [{ rcode: expected.rcode }, { rcode: got.rcode }];
  const truncated = entry.compare === 'truncated';
  const sections = SECTIONS.map((section): [string, unknown, unknown] => {
    if (truncated) return [section, expected[section].length > 0, got[section].length > 0];
    const aligned = alignTtls(expected[section], got[section], entry.ttl, secondsLate);
    return [section, sorted(expected[section]), sorted(aligned)];
  });
  const wanted = { ...marks(expected, expected), ...Object.fromEntries(sections.map(([s, a]) => [s, a])) };
  const given = { ...marks(got, expected), ...Object.fromEntries(sections.map(([s, , b]) => [s, b])) };
  if (!truncated) return [wanted, given];
  const { size: offered = 512 } = [entry.edns ?? {}].flat()[0] ?? {};
  return [
    { ...wanted, fits: true },
    { ...given, fits: (got.size ?? 0) <= Math.max(512, offered) },
  ];
}

function isAnswer(result: RecordedResult): result is RecordedAnswer {
  return 'rcode' in result;
}

/** All but the sections. What was recorded of order matters only where it was one that has to be. */
function marks(answer: RecordedAnswer, expected: RecordedAnswer): Comparable {
  const { rcode, opcode, flags, question, edns, soaFirstAndLast, first, cnameFirst, orderVaries } = answer;
  return {
    rcode,
    opcode,
    flags,
    question,
    edns,
    soaFirstAndLast,
    first,
    ...(expected.cnameFirst === true && { cnameFirst }),
    ...(expected.orderVaries === true && { orderVaries }),
  };
}

/** Records with the TTL of their expected twin, where theirs may stand for it. */
function alignTtls(
  expected: readonly RecordedRecord[],
  got: readonly RecordedRecord[],
  allowed: RecordedEntry['ttl'],
  secondsLate: number,
): readonly RecordedRecord[] {
  if (allowed === undefined) return got;
  const left = [...expected];
  return got.map((record) => {
    const i = left.findIndex(
      (twin) =>
        word({ ...twin, ttl: 0 }) === word({ ...record, ttl: 0 }) && mayStandFor(record.ttl, twin.ttl),
    );
    const [twin] = i < 0 ? [] : left.splice(i, 1);
    return twin === undefined ? record : { ...record, ttl: twin.ttl };
  });

  function mayStandFor(ttl: number, recorded: number): boolean {
    if (allowed === 'any') return true;
    if (allowed === 'atMost') return ttl <= recorded;
    const tolerance = allowed ?? 0;
    return ttl <= recorded + tolerance && ttl >= recorded - tolerance - secondsLate;
  }
}

function sorted(records: readonly RecordedRecord[]): string[] {
  return records.map(word).sort();
}

function word({ name, class: ofClass = 'IN', type, ttl, data }: RecordedRecord): string {
  return `${name} ${ofClass} ${type} ${ttl} ${data}`;
}

/** By name, type and protocol. */
function shortLog(result: RecordedResult): Comparable {
  const log = 'log' in result && Array.isArray(result.log) ? (result.log as string[]) : [];
  return { log: log.map((line) => line.split(' ').slice(0, 3).join(' ')) };
}
