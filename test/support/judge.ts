import { spawnSync } from 'node:child_process';
import process from 'node:process';

/** An independent program that tells what the kernel holds: iproute2's `ip`, nftables' `nft` … */
export interface Judge {
  /** Pass it on to `test()`: a reason when the program is missing, false when it is there. */
  readonly skip: string | false;
  /** Its standard output; throws with its standard error when it fails. */
  run(args: readonly string[], input?: string): string;
  /** The output of a program that can print JSON. */
  json(args: readonly string[]): unknown;
}

/**
 * Finds a judge. Where it is not installed, tests that need it are skipped with the reason; in CI
 * (`CI=true`) its absence is an error.
 */
export function requireJudge(program: string): Judge {
  const isMissing = spawnSync(program, ['--version'], { env: withSbin() }).error !== undefined;
  if (isMissing && process.env['CI'] === 'true')
    throw new Error(`${program} is not installed, and CI skips no test`);
  const run = (args: readonly string[], input?: string): string => {
    const result = spawnSync(program, args, { env: withSbin(), encoding: 'utf8', input, maxBuffer: 1 << 28 });
    if (result.status !== 0) {
      throw new Error(`${program} ${args.join(' ')}: ${(result.error?.message ?? result.stderr).trim()}`);
    }
    return result.stdout;
  };
  return {
    skip: isMissing ? `${program} is not installed` : false,
    run,
    json: (args) => JSON.parse(run(args)) as unknown,
  };
}

/** Ordinary users often have no sbin folder in their PATH. */
function withSbin(): NodeJS.ProcessEnv {
  return { ...process.env, PATH: `${process.env['PATH'] ?? ''}:/usr/sbin:/sbin` };
}
