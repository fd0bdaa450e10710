// Fails when a file imports against the layers of docs/architecture.md, or when it found nothing to check.
//
//   node tools/check-layers.ts [ROOT]
import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, relative, resolve, sep } from 'node:path';
import { parseSync } from 'oxc-parser';

const COMPONENTS = [
  'apiserver',
  'controllers',
  'node',
  'serviceproxy',
  'dns',
  'policy',
  'ingress',
  'loadbalancer',
];
const BELOW_A_COMPONENT = ['lib', 'wire', 'os', 'kernel', 'api', 'kube'];

/** What each layer may import beside itself. */
const ALLOWED = new Map<string, readonly string[]>([
  ['lib', []],
  ['wire', ['lib']],
  ['os', ['lib', 'wire']],
  ['kernel', ['lib', 'wire', 'os']],
  ['api', ['lib', 'wire']],
  ['kube', ['lib', 'wire', 'api', 'os']],
  ...COMPONENTS.map((name): [string, readonly string[]] => [name, BELOW_A_COMPONENT]),
  ['cluster', [...BELOW_A_COMPONENT, ...COMPONENTS]],
  ['cli', [...BELOW_A_COMPONENT, ...COMPONENTS, 'cluster']],
]);

/** A plan decides and does nothing else: it sees no effect, not even by way of a helper. */
const ALLOWED_IN_A_PLAN = ['lib', 'wire', 'api'];

type Import = { specifier: string; typeOnly: boolean };

function importsOf(path: string): Import[] {
  const { module, errors } = parseSync(path, readFileSync(path, 'utf8'));
  if (errors.length > 0) throw new Error(`${path}: ${errors[0]?.message}`);
  const found: Import[] = module.staticImports.map((statement) => ({
    specifier: statement.moduleRequest.value,
    typeOnly: statement.entries.length > 0 && statement.entries.every((entry) => entry.isType),
  }));
  for (const statement of module.staticExports) {
    for (const entry of statement.entries) {
      if (entry.moduleRequest) found.push({ specifier: entry.moduleRequest.value, typeOnly: entry.isType });
    }
  }
  const text = readFileSync(path, 'utf8');
  for (const { moduleRequest } of module.dynamicImports) {
    const literal = /^['"](.*)['"]$/.exec(text.slice(moduleRequest.start, moduleRequest.end));
    if (literal?.[1]) found.push({ specifier: literal[1], typeOnly: false });
  }
  return found;
}

/** The complaint about one import, or undefined when it is in order. */
function judge(src: string, path: string, { specifier, typeOnly }: Import): string | undefined {
  const [layer = '', ...rest] = relative(src, path).split(sep);
  const isPlan = (rest.at(-1) ?? '').startsWith('plan') && !layer.includes('.ts');
  if (specifier.startsWith('../')) return `${specifier}: leaves its folder: write #layer/file.ts`;
  if (specifier.startsWith('./')) {
    const target = resolve(dirname(path), specifier);
    return target.startsWith(join(src, layer) + sep) ? undefined : `${specifier}: leaves its layer`;
  }
  if (specifier.startsWith('node:')) {
    const pure = ['lib', 'wire', 'api'].includes(layer) || isPlan;
    return pure && /^node:(fs|net|dgram|child_process|http|https|tls|worker_threads)/.test(specifier)
      ? `${specifier}: ${isPlan ? 'a plan' : `layer ${layer}`} has no effects`
      : undefined;
  }
  if (!specifier.startsWith('#')) return undefined;
  const target = specifier.slice(1).split('/')[0] ?? '';
  if (target === layer) return undefined;
  if (isPlan && !typeOnly && !ALLOWED_IN_A_PLAN.includes(target)) {
    return `${specifier}: a plan is pure and imports lib, wire and api only`;
  }
  const allowed = ALLOWED.get(layer);
  if (!allowed) return `${layer}: a folder that the layers do not know`;
  return allowed.includes(target) ? undefined : `${specifier}: ${layer} may not import ${target}`;
}

function sourceFiles(folder: string): string[] {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && entry.name.endsWith('.ts') && !entry.name.endsWith('.test.ts'))
    .map((entry) => join(entry.parentPath, entry.name));
}

const root = resolve(process.argv[2] ?? join(import.meta.dirname, '..'));
const src = join(root, 'src');
const files = sourceFiles(src);
let imports = 0;
const complaints: string[] = [];
for (const path of files) {
  for (const one of importsOf(path)) {
    imports += 1;
    const complaint = judge(src, path, one);
    if (complaint) complaints.push(`${relative(root, path)}: ${complaint}`);
  }
}
for (const complaint of complaints) console.error(complaint);
if (imports === 0) console.error(`${src}: no import found in ${files.length} files: nothing was checked`);
else console.log(`layers: ${imports} imports of ${files.length} files, ${complaints.length} breaches`);
process.exitCode = complaints.length > 0 || imports === 0 ? 1 : 0;
