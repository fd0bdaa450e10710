import type { Command } from './command.ts';

type Load = () => Promise<{ readonly command: Command }>;

/** Every command by its name, in the order of `portolan --help`. A command's file is read only when it is run. */
export const COMMANDS: ReadonlyMap<string, Load> = new Map<string, Load>([
  ['up', () => import('./up.ts')],
  ['down', () => import('./down.ts')],
  ['status', () => import('./status.ts')],
  ['logs', () => import('./logs.ts')],
  ['kubeconfig', () => import('./kubeconfig.ts')],
  ['enter', () => import('./enter.ts')],
  ['image', () => import('./image.ts')],
  ['demo', () => import('./demo.ts')],
  ['apiserver', () => import('./apiserver.ts')],
  ['proxy', () => import('./proxy.ts')],
  ['dns', () => import('./dns.ts')],
  ['node-cache', () => import('./node-cache.ts')],
  ['version', () => import('./version.ts')],
]);

/** Commands that Portolan starts itself: part of no help text. */
export const INNER_COMMANDS: ReadonlyMap<string, Load> = new Map<string, Load>([
  ['supervise', () => import('./supervise.ts')],
]);
