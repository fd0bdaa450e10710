import { execFile } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { promisify, styleText } from 'node:util';
import { ControlClient } from '#cluster/control-client.ts';
import { ownCommand, ownProgram } from '#cluster/entries.ts';
import { statePaths } from '#cluster/state-dir.ts';
import { loadKubeconfig } from '#kube/kubeconfig.ts';
import { type Command, CommandError, type CommandIo } from './command.ts';
import { PROOFS, type Proof, type Vantages } from './demo-proofs.ts';
import { networkVantage, podVantage } from './demo-vantage.ts';
import { parseFlags } from './flags.ts';

const runFile = promisify(execFile);
/** A proof is tried again while pods and names are on their way, for so long at most. */
const PATIENCE_MS = 20_000;
const RETRY_MS = 100;

export const command: Command = {
  name: 'demo',
  summary: 'Bring a cluster up, prove the examples with real traffic, take it down',
  help: `Usage: portolan demo [--keep]

Brings up a dual-stack cluster of three nodes in a temporary directory, applies the manifests of
examples/ and proves each of them by traffic from a pod, a node, outside and this machine. Exits with 1
when one does not hold.

  --keep             leave the cluster up

Examples:
  portolan demo
  portolan demo --keep
`,
  async run(argv, io) {
    const { values } = parseFlags({ keep: { type: 'boolean' } }, argv);
    const examples = join(ownProgram().directory, 'examples');
    const dataDir = mkdtempSync(join(tmpdir(), 'portolan-demo-'));
    const words = ['--name', 'demo', '--data-dir', dataDir];
    try {
      io.stdout.write('Bringing up three nodes …\n');
      const startedAt = performance.now();
      await portolan('up', ...words, '--detach', '--ip-family', 'dual', '-f', findExamples(examples));
      const seconds = ((performance.now() - startedAt) / 1000).toFixed(1);
      io.stdout.write(`Ready after ${seconds} s, examples applied.\n`);
      const failed = await proveAll(await vantagesOf(dataDir, words), io);
      io.stdout.write(`\n${PROOFS.length - failed} of ${PROOFS.length} claims hold.\n`);
      if (values.keep) io.stdout.write(`The cluster is up: portolan status ${words.join(' ')}\n`);
      return failed === 0 ? 0 : 1;
    } finally {
      if (!values.keep) {
        await portolan('down', ...words);
        rmSync(dataDir, { recursive: true, force: true });
      }
    }
  },
};

async function proveAll(from: Vantages, io: CommandIo): Promise<number> {
  let failed = 0;
  let example = '';
  for (const proof of PROOFS) {
    if (proof.example !== example) io.stdout.write(`\n${proof.example}\n`);
    example = proof.example;
    try {
      const what = await proveOne(proof, from, io.signal);
      io.stdout.write(
        `  ${styleText('green', 'holds', { stream: io.stdout })}  ${proof.claim}\n         ${what}\n`,
      );
    } catch (error) {
      failed += 1;
      const mark = styleText('red', 'FAILS', { stream: io.stdout });
      io.stdout.write(`  ${mark}  ${proof.claim}\n         ${(error as Error).message}\n`);
    }
  }
  return failed;
}

async function proveOne(proof: Proof, from: Vantages, signal: AbortSignal): Promise<string> {
  const deadline = performance.now() + PATIENCE_MS;
  for (;;) {
    try {
      return await proof.prove(from);
    } catch (error) {
      signal.throwIfAborted();
      if (performance.now() > deadline) throw error;
      await delay(RETRY_MS);
    }
  }
}

async function vantagesOf(dataDir: string, words: readonly string[]): Promise<Vantages> {
  const paths = statePaths(dataDir);
  const config = await loadKubeconfig({ path: paths.kubeconfig });
  return {
    ca: config.ca ?? '',
    pod: podVantage(config, 'client'),
    node: networkVantage('node node-2', 'node/node-2', words),
    outside: networkVantage('outside', 'outside', words),
    status: await new ControlClient(paths).status(),
  };
}

/** Runs this program once more; its own complaint becomes ours. */
async function portolan(...argv: readonly string[]): Promise<void> {
  const [program, ...words] = ownCommand();
  try {
    await runFile(program, [...words, ...argv]);
  } catch (error) {
    const { stderr } = error as { stderr?: string };
    throw new CommandError(stderr?.trim().replace(/^portolan \w+: /, '') ?? (error as Error).message, {
      cause: error,
    });
  }
}

/** In a checkout the program's folder is its root; installed, it is the package's. */
function findExamples(path: string): string {
  const installed = join(ownProgram().directory, 'node_modules', 'portolan', 'examples');
  return existsSync(path) ? path : installed;
}
