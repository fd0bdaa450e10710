import { type Architecture, buildElf } from './elf.ts';
import { programArm64 } from './program-arm64.ts';
import { programX64 } from './program-x64.ts';

/** The container init for an architecture: about 0.6 KB, no library, no loader. */
export function initProgram(architecture: Architecture): Uint8Array {
  return buildElf(architecture, architecture === 'x64' ? programX64() : programArm64());
}

/** This machine's architecture, or an error that says which ones work. */
export function hostArchitecture(architecture: string = process.arch): Architecture {
  if (architecture === 'x64' || architecture === 'arm64') return architecture;
  throw new Error(`no container init for ${architecture}: containers run on x64 and arm64`);
}
