import type { NodeThread } from './node-threads.ts';
import type { EnterTarget } from './status.ts';

/** Finds the namespaces of `outside`, `node/NAME` or `pod/NAMESPACE/NAME`; throws an Error that says what there is. */
export async function enterTarget(
  target: string,
  pid: number,
  outside: number,
  nodes: readonly NodeThread[],
): Promise<EnterTarget> {
  const [kind, first = '', second = '', ...more] = target.split('/');
  if (more.length === 0 && kind === 'outside' && first === '') return { pid, net: outside };
  if (more.length === 0 && kind === 'node' && second === '') return { pid, net: nodeNamespace(first, nodes) };
  if (more.length === 0 && kind === 'pod' && second !== '') return podNamespaces(first, second, pid, nodes);
  throw new Error(`${JSON.stringify(target)} is none of outside, node/NAME, pod/NAMESPACE/NAME`);
}

function nodeNamespace(name: string, nodes: readonly NodeThread[]): number {
  const node = nodes.find(({ plan }) => plan.name === name);
  if (node === undefined) {
    throw new Error(`there is no node ${name}; there are ${nodes.map(({ plan }) => plan.name).join(', ')}`);
  }
  if (node.netns === undefined) throw new Error(`node ${name} is being restarted`);
  return node.netns;
}

async function podNamespaces(
  namespace: string,
  name: string,
  pid: number,
  nodes: readonly NodeThread[],
): Promise<EnterTarget> {
  const found = await Promise.all(
    nodes.map(({ calls }) => calls.call('podNamespaces', { namespace, name }).catch(() => undefined)),
  );
  const namespaces = found.find((answer) => answer !== undefined);
  if (namespaces === undefined) throw new Error(`no pod ${namespace}/${name} runs on any node`);
  return { pid, ...namespaces };
}
