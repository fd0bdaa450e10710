import { parseFieldSelector } from '#api/machinery/field-selector.ts';
import { SelectorSyntaxError } from '#api/machinery/label-selector.ts';

/** What a request is about, read from its method and URL alone. */
export interface RequestInfo {
  readonly method: string;
  /** Decoded path, without the query. */
  readonly path: string;
  readonly query: URLSearchParams;
  /** For API objects the verb of RBAC (`get list watch create …`, '' for an unknown method), else the lower-case method. */
  readonly verb: string;
  /** The object's name; of a list or watch the one name that its field selector lets through. */
  readonly nameForAccess: string;
  readonly target: Target | undefined;
}

/** The API object or collection in a path. Empty strings mean "none". */
export interface Target {
  readonly group: string;
  readonly version: string;
  /** Plural. */
  readonly resource: string;
  readonly subresource: string;
  readonly namespace: string;
  readonly name: string;
  /** What follows the subresource, with its leading slash: the path behind a proxy. */
  readonly tail: string;
}

const VERBS: Readonly<Record<string, string>> = {
  POST: 'create',
  GET: 'get',
  HEAD: 'get',
  PUT: 'update',
  PATCH: 'patch',
  DELETE: 'delete',
};

/** Subresources of a namespace itself: all other words after `namespaces/NAME` are resources within it. */
const OF_NAMESPACE = new Set(['status', 'finalize']);

/** Reads method and URL (`/path?query`). Throws URIError when the path is not well-formed percent-encoding. */
export function requestInfo(method: string, url: string): RequestInfo {
  const mark = url.indexOf('?');
  const rawPath = mark < 0 ? url : url.slice(0, mark);
  const query = new URLSearchParams(mark < 0 ? '' : url.slice(mark + 1));
  const path = decodeURIComponent(rawPath);
  const found = findTarget(rawPath);
  if (found === undefined || found.target.resource === '') {
    return { method, path, query, verb: method.toLowerCase(), nameForAccess: '', target: undefined };
  }
  const { target } = found;
  const verb = verbOf(method, found, query);
  const reads = verb === 'list' || verb === 'watch';
  const nameForAccess = target.name === '' && reads ? nameInSelector(query) : target.name;
  return { method, path, query, verb, nameForAccess, target };
}

interface Found {
  readonly target: Target;
  /** The path has the old `/watch/` prefix. */
  readonly watch: boolean;
}

function findTarget(rawPath: string): Found | undefined {
  const parts = rawPath.split('/').filter((part) => part !== '');
  const groupParts = parts[0] === 'api' ? 1 : parts[0] === 'apis' ? 2 : 0;
  if (groupParts === 0 || parts.length <= groupParts) return undefined;
  const group = groupParts === 1 ? '' : (parts[1] ?? '');
  const version = parts[groupParts] ?? '';
  let rest = parts.slice(groupParts + 1);
  const watch = rest[0] === 'watch' && rest.length > 1;
  if (watch) rest = rest.slice(1);
  let namespace = '';
  if (rest[0] === 'namespaces' && rest.length > 1) {
    namespace = rest[1] ?? '';
    if (rest.length > 2 && !OF_NAMESPACE.has(rest[2] ?? '')) rest = rest.slice(2);
  }
  const [resource = '', name = '', subresource = '', ...tail] = rest.map(decodeURIComponent);
  const rawTail = tail.length === 0 ? '' : `/${rest.slice(3).join('/')}`;
  return {
    watch,
    target: {
      group,
      version,
      resource,
      name,
      subresource,
      namespace: decodeURIComponent(namespace),
      tail: rawTail + (subresource !== '' && rawPath.endsWith('/') ? '/' : ''),
    },
  };
}

function verbOf(method: string, { target, watch }: Found, query: URLSearchParams): string {
  const verb = VERBS[method] ?? '';
  if (verb === 'get' && watch) return 'watch';
  if (target.name !== '') return verb;
  if (verb === 'get') return isTrue(query.get('watch')) ? 'watch' : 'list';
  return verb === 'delete' ? 'deletecollection' : verb;
}

/** The one name that a field selector lets through; empty when it lets more through, or cannot be read. */
function nameInSelector(query: URLSearchParams): string {
  try {
    const conditions = parseFieldSelector(query.get('fieldSelector') ?? '');
    const exact = conditions.find(({ field, operator }) => field === 'metadata.name' && operator === '=');
    return exact?.value ?? '';
  } catch (error) {
    if (error instanceof SelectorSyntaxError) return '';
    throw error;
  }
}

/** A boolean parameter of a query as upstream reads it: present and neither `0` nor `false`. */
export function isTrue(value: string | null): boolean {
  return value !== null && value !== '0' && value !== 'false';
}
