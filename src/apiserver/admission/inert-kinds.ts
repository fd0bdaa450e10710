import type { AdmissionPlugin } from './operation.ts';

/** Tells who creates an object of a kind on which nothing acts yet. `kinds` holds `group/Kind`. */
export function inertKinds(kinds: ReadonlySet<string>): AdmissionPlugin {
  return ({ operation, subresource, served: { kind }, warnings }) => {
    if (operation !== 'create' || subresource !== '' || !kinds.has(`${kind.group}/${kind.kind}`)) return;
    warnings.push(`${kind.kind} is stored, but no component of this cluster acts on it yet`);
  };
}
