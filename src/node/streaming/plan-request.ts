/** The kubelet's HTTP surface: from method, path and query to what is asked of the node. */
import type {
  ContainerRef,
  ExecOptions,
  LogOptions,
  PodRef,
  SessionStreams,
} from '#node/container-access.ts';

export type StreamingRequest =
  | { kind: 'logs'; container: ContainerRef; options: LogOptions }
  | { kind: 'exec'; container: ContainerRef; options: ExecOptions }
  | { kind: 'attach'; container: ContainerRef; streams: SessionStreams }
  | { kind: 'portForward'; pod: PodRef }
  | { kind: 'pods' }
  | { kind: 'runningPods' }
  | { kind: 'nodeLogs'; path: readonly string[] }
  | { kind: 'healthz' }
  | { kind: 'metrics' }
  | { kind: 'configuration' }
  | { kind: 'refused'; status: number; message: string };

/** `url` is path and query as they stand in the request line. */
export function planRequest(method: string, url: string): StreamingRequest {
  const [path = '', search = ''] = splitOnce(url, '?');
  const segments = decodeSegments(path);
  if (!segments) {
    return { kind: 'refused', status: 400, message: `path ${path} is not percent-encoded UTF-8` };
  }
  const query = new URLSearchParams(search);
  const [head = '', ...rest] = segments;
  switch (head) {
    case 'containerLogs':
      return method === 'GET' ? planLogs(rest, query) : wrongMethod(method, path);
    case 'exec':
      return planExec(rest, query);
    case 'attach':
      return planAttach(rest, query);
    case 'portForward':
      return planPortForward(rest);
    case 'logs':
      return method === 'GET' ? { kind: 'nodeLogs', path: rest } : wrongMethod(method, path);
    case 'pods':
      return { kind: 'pods' };
    case 'runningpods':
      return { kind: 'runningPods' };
    case 'healthz':
      return { kind: 'healthz' };
    case 'metrics':
      return { kind: 'metrics' };
    case 'configz':
      return { kind: 'configuration' };
    default:
      return { kind: 'refused', status: 404, message: '404 page not found' };
  }
}

function planLogs(segments: readonly string[], query: URLSearchParams): StreamingRequest {
  const container = containerOf(segments);
  const tailLines = wholeNumber(query.get('tailLines'));
  const sinceSeconds = wholeNumber(query.get('sinceSeconds'));
  const limitBytes = wholeNumber(query.get('limitBytes'));
  if (!container) {
    return badPath('/containerLogs/NAMESPACE/POD/CONTAINER');
  }
  if (Number.isNaN(tailLines) || Number.isNaN(sinceSeconds) || Number.isNaN(limitBytes)) {
    return {
      kind: 'refused',
      status: 400,
      message: 'tailLines, sinceSeconds and limitBytes are whole numbers',
    };
  }
  return {
    kind: 'logs',
    container,
    options: {
      follow: flag(query, 'follow'),
      previous: flag(query, 'previous'),
      timestamps: flag(query, 'timestamps'),
      tailLines,
      sinceSeconds,
      sinceTime: query.get('sinceTime') ?? undefined,
      limitBytes,
      stream: streamOf(query.get('stream')),
    },
  };
}

function planExec(segments: readonly string[], query: URLSearchParams): StreamingRequest {
  const container = containerOf(segments);
  if (!container) {
    return badPath('/exec/NAMESPACE/POD/CONTAINER');
  }
  const streams = streamsOf(query);
  const command = query.getAll('command');
  if (command.length === 0) {
    return { kind: 'refused', status: 400, message: 'you must specify at least one command' };
  }
  return streams
    ? { kind: 'exec', container, options: { ...streams, command } }
    : { kind: 'refused', status: 400, message: NO_STREAM };
}

function planAttach(segments: readonly string[], query: URLSearchParams): StreamingRequest {
  const container = containerOf(segments);
  if (!container) {
    return badPath('/attach/NAMESPACE/POD/CONTAINER');
  }
  const streams = streamsOf(query);
  return streams
    ? { kind: 'attach', container, streams }
    : { kind: 'refused', status: 400, message: NO_STREAM };
}

function planPortForward(segments: readonly string[]): StreamingRequest {
  const [namespace, name] = segments;
  return namespace && name
    ? { kind: 'portForward', pod: { namespace, name } }
    : badPath('/portForward/NAMESPACE/POD');
}

const NO_STREAM = 'you must specify at least 1 of stdin, stdout, stderr';

/** Undefined if no stream is asked for. The API server says input/output/error, its own callers stdin/stdout/stderr. */
function streamsOf(query: URLSearchParams): SessionStreams | undefined {
  const tty = flag(query, 'tty');
  const stdin = flag(query, 'input') || flag(query, 'stdin');
  const stdout = flag(query, 'output') || flag(query, 'stdout');
  // A terminal has one output only.
  const stderr = !tty && (flag(query, 'error') || flag(query, 'stderr'));
  return stdin || stdout || stderr ? { tty, stdin, stdout, stderr } : undefined;
}

/** NAMESPACE/POD/CONTAINER or NAMESPACE/POD/UID/CONTAINER. */
function containerOf(segments: readonly string[]): ContainerRef | undefined {
  const [namespace, pod] = segments;
  const container = segments.length === 3 || segments.length === 4 ? segments.at(-1) : undefined;
  return namespace && pod && container ? { namespace, pod, container } : undefined;
}

function streamOf(value: string | null): 'stdout' | 'stderr' | undefined {
  const name = value?.toLowerCase();
  return name === 'stdout' || name === 'stderr' ? name : undefined;
}

function flag(query: URLSearchParams, name: string): boolean {
  return ['1', 'true', 'True'].includes(query.get(name) ?? '');
}

/** Undefined if absent, NaN if it is not a whole number. */
function wholeNumber(text: string | null): number | undefined {
  if (text === null || text === '') {
    return undefined;
  }
  return /^\d{1,15}$/.test(text) ? Number(text) : Number.NaN;
}

function badPath(right: string): StreamingRequest {
  return { kind: 'refused', status: 404, message: `the path must be ${right}` };
}

function wrongMethod(method: string, path: string): StreamingRequest {
  return { kind: 'refused', status: 405, message: `${method} is not supported on ${path}` };
}

function decodeSegments(path: string): string[] | undefined {
  try {
    return path
      .split('/')
      .filter((segment) => segment !== '')
      .map(decodeURIComponent);
  } catch {
    return undefined;
  }
}

function splitOnce(text: string, separator: string): string[] {
  const index = text.indexOf(separator);
  return index < 0 ? [text] : [text.slice(0, index), text.slice(index + 1)];
}
