import type { ConfiguredBlock } from './configuration.ts';
import { formatBlockKey } from './corefile/block-key.ts';

/** What a configuration will do, block by block, in plain English. */
export function explainConfiguration(blocks: readonly ConfiguredBlock[]): string {
  return blocks.map(explainBlock).join('\n');
}

function explainBlock({ keys, plugins, where, settings }: ConfiguredBlock): string {
  const served = keys.map(formatBlockKey).join(', ');
  const view = settings.view === undefined ? '' : ` (view ${settings.view.name})`;
  const steps = plugins.flatMap(({ name, parsed }) =>
    parsed.explain.map((line, i) => `  ${i === 0 ? name.padEnd(12) : ' '.repeat(12)} ${line}`),
  );
  const title = `${where.file}:${where.line}: ${served}${view}`;
  if (steps.length === 0) return `${title}\nThere are no plugins: every query is REFUSED.\n`;
  const answering = 'Queries pass the plugins in this order, whatever that of the file:';
  return `${title}\n${answering}\n${steps.join('\n')}\n`;
}
