/** Acting as somebody else: the Impersonate-* headers, and the rights they need. */
import { serviceAccountGroups, serviceAccountOf } from './plan-rbac.ts';
import type { ResourceAttributes, User } from './types.ts';

/** As `headersDistinct` of a request: names in lower case, every repetition a value of its own. */
export type DistinctHeaders = Readonly<Record<string, readonly string[] | undefined>>;

const EXTRA_PREFIX = 'impersonate-extra-';

export type Impersonation =
  | { kind: 'none' }
  | { kind: 'bad'; message: string }
  /** The user to be, once `requester` may do all of `required` (verb impersonate). */
  | { kind: 'request'; user: User; required: readonly ResourceAttributes[] };

export function planImpersonation(headers: DistinctHeaders, requester: User): Impersonation {
  const username = first(headers['impersonate-user']);
  const uid = first(headers['impersonate-uid']);
  const groups = headers['impersonate-group'] ?? [];
  const extra = extraOf(headers);
  if (username === undefined) {
    const others = uid !== undefined || groups.length > 0 || Object.keys(extra).length > 0;
    return others
      ? { kind: 'bad', message: 'requested impersonation without specifying a user' }
      : { kind: 'none' };
  }
  const ask = rightToImpersonate(requester);
  const account = serviceAccountOf(username);
  const required = [
    account ? ask('', 'serviceaccounts', account.name, account.namespace) : ask('', 'users', username),
    ...groups.map((group) => ask('', 'groups', group)),
    ...(uid === undefined ? [] : [ask('authentication.k8s.io', 'uids', uid)]),
    ...Object.entries(extra).flatMap(([key, values]) =>
      values.map((value) => ({ ...ask('authentication.k8s.io', 'userextras', value), subresource: key })),
    ),
  ];
  const user: User = {
    username,
    ...(uid !== undefined && { uid }),
    groups: groupsOf(username, groups, account?.namespace),
    ...(Object.keys(extra).length > 0 && { extra }),
  };
  return { kind: 'request', user, required };
}

/** Groups that were not named but follow from the user. */
function groupsOf(username: string, groups: readonly string[], namespace: string | undefined): string[] {
  const own = groups.length === 0 && namespace !== undefined ? serviceAccountGroups(namespace) : groups;
  const status = username === 'system:anonymous' ? 'system:unauthenticated' : 'system:authenticated';
  return own.includes(status) ? [...own] : [...own, status];
}

function rightToImpersonate(user: User) {
  return (group: string, resource: string, name: string, namespace = ''): ResourceAttributes => ({
    kind: 'resource',
    user,
    verb: 'impersonate',
    group,
    version: 'v1',
    resource,
    subresource: '',
    namespace,
    name,
  });
}

function extraOf(headers: DistinctHeaders): Record<string, string[]> {
  const extra: Record<string, string[]> = {};
  for (const [header, value] of Object.entries(headers)) {
    if (header.startsWith(EXTRA_PREFIX)) {
      extra[unescapeKey(header.slice(EXTRA_PREFIX.length))] = [...(value ?? [])];
    }
  }
  return extra;
}

/** Keys are percent-encoded where a header's name cannot hold them; a stray percent stands for itself. */
function unescapeKey(key: string): string {
  try {
    return decodeURIComponent(key);
  } catch {
    return key;
  }
}

function first(values: readonly string[] | undefined): string | undefined {
  return values?.[0] === '' ? undefined : values?.[0];
}
