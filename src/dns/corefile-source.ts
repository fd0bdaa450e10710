import { readFileSync } from 'node:fs';
import { type ConfiguredBlock, readConfiguration } from './configuration.ts';
import { readCorefile } from './corefile/parse.ts';

/** A Corefile that can be read again: from a file, or a text that stays the same. */
export interface CorefileSource {
  load(): Promise<readonly ConfiguredBlock[]>;
  /** The text with all that it imports. */
  text(): Promise<string>;
}

export interface SourceOptions {
  /** Port of zones that name none. */
  readonly port?: number | undefined;
  readonly env?: NodeJS.ProcessEnv | undefined;
  readonly warn?: ((message: string) => void) | undefined;
}

export function corefileSource(
  source: { readonly file: string } | { readonly text: string; readonly name: string },
  options: SourceOptions = {},
): CorefileSource {
  const [name, read] =
    'file' in source ? [source.file, () => readFile(source.file)] : [source.name, () => source.text];
  return {
    load: async () => readConfiguration(read(), name, options),
    text: async () => readCorefile(read(), name, options),
  };
}

function readFile(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch (error) {
    throw new Error(`the Corefile ${file} cannot be read (${(error as NodeJS.ErrnoException).code})`, {
      cause: error,
    });
  }
}
