import { readFileSync, statSync } from 'node:fs';
import { dirname } from 'node:path';
import { type ConfiguredBlock, readConfiguration } from './configuration.ts';
import { readCorefile } from './corefile/parse.ts';
import { readKubeDnsConfig, withKubeDnsConfig } from './kube-dns-config.ts';
import { StubDomainError } from './plan-stub-domains.ts';

/** A Corefile that can be read again: from a file, or a text that stays the same. */
export interface CorefileSource {
  load(): Promise<readonly ConfiguredBlock[]>;
  /** The Corefile's text with all that it imports, and all else it is made of: differs when anything of it does. */
  text(): Promise<string>;
  /** Where its files are. */
  readonly folders: readonly string[];
  /** The Corefile as it is served, imports not put in. */
  corefile(): Promise<string>;
}

export interface SourceOptions {
  /** Port of zones that name none. */
  readonly port?: number | undefined;
  readonly env?: NodeJS.ProcessEnv | undefined;
  readonly warn?: ((message: string) => void) | undefined;
  /** A kube-dns ConfigMap that adds to it: the folder it is mounted at, or a manifest. */
  readonly kubeDnsConfig?: string | undefined;
}

/**
 * Where the text is from: a file, the text itself, or a function that makes it anew (of files in `folder`). `name` is
 * for messages.
 */
export type CorefileOrigin =
  | { readonly file: string }
  | { readonly text: string | (() => string); readonly name: string; readonly folder?: string | undefined };

export function corefileSource(origin: CorefileOrigin, options: SourceOptions = {}): CorefileSource {
  const name = 'file' in origin ? origin.file : origin.name;
  const read = (): string => {
    if ('file' in origin) return readFile(origin.file);
    return typeof origin.text === 'string' ? origin.text : origin.text();
  };
  const { kubeDnsConfig } = options;
  const corefile = async (): Promise<string> => {
    if (kubeDnsConfig === undefined) return read();
    const data = await readKubeDnsConfig(kubeDnsConfig);
    try {
      return withKubeDnsConfig(read(), name, data, options);
    } catch (error) {
      if (!(error instanceof StubDomainError)) throw error;
      throw new StubDomainError(`${kubeDnsConfig}: ${error.message}`, { cause: error });
    }
  };
  return {
    folders: [
      ...('file' in origin ? [dirname(origin.file)] : origin.folder === undefined ? [] : [origin.folder]),
      ...(kubeDnsConfig === undefined ? [] : [folderOf(kubeDnsConfig)]),
    ],
    corefile,
    load: async () => readConfiguration(await corefile(), name, options),
    async text() {
      // What is odd in it is told of when it is loaded.
      const text = readCorefile(read(), name, { env: options.env });
      if (kubeDnsConfig === undefined) return text;
      // What cannot be read is a change too, told of once: when it is loaded.
      const data = await readKubeDnsConfig(kubeDnsConfig).catch((error: Error) => error.message);
      return `${text}\n${JSON.stringify(data)}`;
    },
  };
}

function folderOf(path: string): string {
  return statSync(path, { throwIfNoEntry: false })?.isDirectory() === true ? path : dirname(path);
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
