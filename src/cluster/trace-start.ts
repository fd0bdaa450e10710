import { writeSync } from 'node:fs';

const enabled = process.env['PORTOLAN_TRACE_START'] === '1';

/** Milliseconds since the epoch at which `portolan up` began; its threads and processes count from there. */
const startedAt = Number(process.env['PORTOLAN_STARTED_AT'] ?? performance.timeOrigin);

/** With PORTOLAN_TRACE_START=1, writes a line with the time since `portolan up` began to standard error. */
export function traceStart(part: string, what: string): void {
  if (!enabled) return;
  const elapsedMs = performance.timeOrigin + performance.now() - startedAt;
  writeSync(2, `${elapsedMs.toFixed(0).padStart(6)} ms  ${part.padEnd(14)} ${what}\n`);
}
