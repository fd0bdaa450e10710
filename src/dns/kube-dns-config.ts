import { readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { type ConfigurationOptions, readConfiguration } from './configuration.ts';
import { planStubDomains, StubDomainError } from './plan-stub-domains.ts';

const KEYS = ['stubDomains', 'upstreamNameservers'] as const;
/** Where a Corefile as kubeadm's sends all other names. */
const HOST_FORWARD = /^([ \t]*forward[ \t]+\.[ \t]+)\/etc\/resolv\.conf(?=[ \t\r\n{]|$)/gm;

/** Reads a kube-dns ConfigMap: the folder that it is mounted at, or a manifest in YAML or JSON. */
export async function readKubeDnsConfig(path: string): Promise<Record<string, string>> {
  try {
    if (!statSync(path).isDirectory()) return await readManifest(readFileSync(path, 'utf8'));
    const present = new Set(readdirSync(path));
    const keys = KEYS.filter((key) => present.has(key));
    return Object.fromEntries(keys.map((key) => [key, readFileSync(join(path, key), 'utf8')]));
  } catch (error) {
    const { code, syscall, message } = error as NodeJS.ErrnoException;
    const [problem = ''] = message.split('\n');
    if (syscall === undefined) throw new StubDomainError(`${path}: ${problem}`, { cause: error });
    throw new StubDomainError(`the kube-dns ConfigMap ${path} cannot be read (${code})`, { cause: error });
  }
}

async function readManifest(text: string): Promise<Record<string, string>> {
  const { parse } = await import('yaml');
  const value: unknown = parse(text);
  const { kind, data = {} } = (value ?? {}) as { kind?: unknown; data?: unknown };
  if (kind !== 'ConfigMap' || typeof data !== 'object' || data === null)
    throw new StubDomainError('is no ConfigMap, nor a folder that one is mounted at');
  return Object.fromEntries(Object.entries(data).map(([key, each]) => [key, String(each)]));
}

/**
 * The Corefile with what a kube-dns ConfigMap says: a block per stub domain, on the addresses and the port of the
 * block for all names; and other servers in every `forward . /etc/resolv.conf`. Throws `StubDomainError`.
 */
export function withKubeDnsConfig(
  text: string,
  file: string,
  data: Readonly<Record<string, string>>,
  options: ConfigurationOptions = {},
): string {
  const root = readConfiguration(text, file, { ...options, warn: undefined }).find(({ keys }) =>
    keys.some(({ scheme, zone }) => scheme === 'dns' && zone.text === '.'),
  );
  const port = root?.keys.find(({ scheme, zone }) => scheme === 'dns' && zone.text === '.')?.port;
  const { blocks, upstreams } = planStubDomains(data, {
    port: port ?? options.port,
    bind: root?.settings.bind,
  });
  const sent = upstreams.length === 0 ? text : text.replace(HOST_FORWARD, `$1${upstreams.join(' ')}`);
  if (upstreams.length > 0 && sent === text)
    options.warn?.(`upstreamNameservers: ${file} has no line "forward . /etc/resolv.conf" to put them into`);
  return blocks === '' ? sent : `${sent.trimEnd()}\n${blocks}`;
}
