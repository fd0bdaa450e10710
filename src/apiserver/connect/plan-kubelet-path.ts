/** Paths and queries on the kubelet's server, from those of the API. */
import { type FieldError, forbidden, invalid as invalidField } from '#api/machinery/field-error.ts';
import { invalid } from '#api/machinery/status-error.ts';

export interface ContainerPath {
  namespace: string;
  pod: string;
  container: string;
}

/** Throws a 422 StatusError if an option is out of its range. */
export function logPath(target: ContainerPath, query: URLSearchParams): string {
  const errors = logOptionErrors(query);
  if (errors.length > 0) {
    throw invalid({ group: '', kind: 'PodLogOptions' }, target.pod, errors);
  }
  const names = [
    'follow',
    'previous',
    'timestamps',
    'tailLines',
    'sinceSeconds',
    'sinceTime',
    'limitBytes',
    'stream',
  ];
  const passed = new URLSearchParams(
    names.flatMap((name) => query.getAll(name).map((value) => [name, value])),
  );
  return withQuery(containerPath('containerLogs', target), passed);
}

function logOptionErrors(query: URLSearchParams): FieldError[] {
  const errors: FieldError[] = [];
  const check = (name: string, least: number, message: string) => {
    const text = query.get(name);
    if (text !== null && !(Number.isInteger(Number(text)) && Number(text) >= least)) {
      errors.push(invalidField(name, Number.isNaN(Number(text)) ? text : Number(text), message));
    }
  };
  check('tailLines', 0, 'must be greater than or equal to 0');
  check('limitBytes', 1, 'must be greater than 0');
  check('sinceSeconds', 1, 'must be greater than 0');
  if (query.has('sinceSeconds') && query.has('sinceTime')) {
    errors.push(forbidden('', 'at most one of `sinceTime` or `sinceSeconds` may be specified'));
  }
  return errors;
}

/** `verb` is exec or attach. The kubelet knows the streams as input, output and error. */
export function sessionPath(verb: 'exec' | 'attach', target: ContainerPath, query: URLSearchParams): string {
  const passed = new URLSearchParams(
    verb === 'exec' ? query.getAll('command').map((word) => ['command', word]) : [],
  );
  const streams = { stdin: 'input', stdout: 'output', stderr: 'error', tty: 'tty' };
  for (const [ours, theirs] of Object.entries(streams)) {
    if (['true', '1', 'True'].includes(query.get(ours) ?? '')) {
      passed.set(theirs, '1');
    }
  }
  return withQuery(containerPath(verb, target), passed);
}

export function portForwardPath(namespace: string, pod: string, query: URLSearchParams): string {
  const passed = new URLSearchParams(query.getAll('ports').map((port) => ['port', port]));
  return withQuery(`/portForward/${encodeURIComponent(namespace)}/${encodeURIComponent(pod)}`, passed);
}

function containerPath(head: string, { namespace, pod, container }: ContainerPath): string {
  return `/${[head, namespace, pod, container].map(encodeURIComponent).join('/')}`;
}

function withQuery(path: string, query: URLSearchParams): string {
  return query.size === 0 ? path : `${path}?${query.toString()}`;
}
