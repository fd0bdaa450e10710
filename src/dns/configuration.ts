import { type BlockKey, formatBlockKey, parseBlockKey } from './corefile/block-key.ts';
import { CorefileError, type Position } from './corefile/error.ts';
import { parseCorefile, type ReadOptions, type WrittenBlock } from './corefile/parse.ts';
import type { BlockSettings, ParsedPlugin } from './plugin.ts';
import { usedPlugins } from './plugin-registry.ts';

/** A server block as it is going to be. */
export interface ConfiguredBlock {
  readonly keys: readonly BlockKey[];
  /** In the order in which they answer. */
  readonly plugins: readonly ConfiguredPlugin[];
  readonly settings: BlockSettings;
  readonly where: Position;
}

export interface ConfiguredPlugin {
  readonly name: string;
  readonly parsed: ParsedPlugin;
}

export interface ConfigurationOptions extends ReadOptions {
  /** Port of zones that name none. */
  readonly port?: number | undefined;
}

/** Reads and checks a whole Corefile without any effect. Throws `CorefileError` for the first thing that is wrong. */
export function readConfiguration(
  text: string,
  file: string,
  options: ConfigurationOptions = {},
): readonly ConfiguredBlock[] {
  const written = parseCorefile(text, file, options);
  if (written.length === 0)
    throw new CorefileError({ file, line: 1 }, 'there is no server block, such as . { … }');
  const blocks = written.map((block) => configureBlock(block, options));
  refuseDuplicates(blocks);
  refuseMissingCertificates(blocks);
  return blocks;
}

function configureBlock(
  { keys, directives, where }: WrittenBlock,
  { port, warn = () => {} }: ConfigurationOptions,
): ConfiguredBlock {
  const blockKeys = keys.flatMap((key) => parseBlockKey(key, port));
  const used = usedPlugins(directives);
  const names = new Set(used.map(({ plugin }) => plugin.name));
  let settings: BlockSettings = {};
  const plugins = used.map(({ plugin, directives: own }) => {
    const root = settings.root ?? process.cwd();
    const parsed = plugin.parse(own, { keys: blockKeys, plugins: names, root, warn });
    settings = { ...settings, ...parsed.settings };
    return { name: plugin.name, parsed };
  });
  return { keys: blockKeys, plugins, settings, where };
}

/**
 * Servers over TLS show the certificate of the first of their blocks that has one. Those of `https://` without one speak
 * HTTP in clear text, to a proxy that ends TLS in front of them.
 */
function refuseMissingCertificates(blocks: readonly ConfiguredBlock[]): void {
  const serverOf = ({ scheme, port }: BlockKey): string => `${scheme}:${port}`;
  const certified = new Set(
    blocks.filter(({ settings }) => settings.tls !== undefined).flatMap(({ keys }) => keys.map(serverOf)),
  );
  for (const { keys, where } of blocks) {
    const bare = keys.find((key) => key.scheme === 'tls' && !certified.has(serverOf(key)));
    if (bare !== undefined)
      throw new CorefileError(
        where,
        `${formatBlockKey(bare)} needs a certificate and its key: tls CERTIFICATE KEY`,
      );
  }
}

/** Two blocks may have the same zone on the same address only if each says by a view which queries are its. */
function refuseDuplicates(blocks: readonly ConfiguredBlock[]): void {
  const seen = new Map<string, ConfiguredBlock>();
  for (const block of blocks) {
    if (block.settings.view !== undefined) continue;
    for (const key of block.keys) {
      for (const address of block.settings.bind ?? ['']) {
        const text = `${formatBlockKey(key)} ${address}`;
        const other = seen.get(text);
        if (other !== undefined)
          throw new CorefileError(
            block.where,
            `${formatBlockKey(key)} is served by the block on line ${other.where.line} already`,
          );
        seen.set(text, block);
      }
    }
  }
}
