import { createHash } from 'node:crypto';
import { allKinds, type KindInfo } from '#api/machinery/kinds.ts';
import type { APIGroup, APIGroupList, APIResource, APIResourceList, APIVersions } from '#api/meta/v1.gen.ts';

/** GET /api. */
export function coreVersions(address: string): APIVersions {
  return {
    kind: 'APIVersions',
    versions: ['v1'],
    serverAddressByClientCIDRs: [{ clientCIDR: '0.0.0.0/0', serverAddress: address }],
  };
}

/** GET /apis. */
export function groupList(): APIGroupList {
  return { kind: 'APIGroupList', apiVersion: 'v1', groups: groupNames().map(groupBody) };
}

/** GET /apis/GROUP. */
export function apiGroup(group: string): APIGroup {
  return { kind: 'APIGroup', apiVersion: 'v1', ...groupBody(group) };
}

/** GET /api/v1 and /apis/GROUP/VERSION. */
export function resourceList(group: string, version: string): APIResourceList {
  const kinds = allKinds().filter((kind) => kind.group === group && kind.version === version);
  const groupVersion = group === '' ? version : `${group}/${version}`;
  return {
    kind: 'APIResourceList',
    ...(group !== '' && { apiVersion: 'v1' }),
    groupVersion,
    resources: kinds.flatMap(resources),
  };
}

/** All groups but the core one, in the order in which clients prefer them. */
export function groupNames(): string[] {
  const names = [...new Set(allKinds().map((kind) => kind.group))].filter((group) => group !== '');
  return names.sort((a, b) => rank(a) - rank(b) || (a < b ? -1 : 1));
}

/** Versions of a group, the preferred one first: stable before beta before alpha, newer before older. */
export function versionsOf(group: string): string[] {
  const versions = [
    ...new Set(
      allKinds()
        .filter((kind) => kind.group === group)
        .map((kind) => kind.version),
    ),
  ];
  return versions.sort((a, b) => stability(b) - stability(a) || b.localeCompare(a, 'en', { numeric: true }));
}

/** A fingerprint of a kind's stored form, by which tools notice that the storage version changed. */
export function storageVersionHash({ storage, kind }: KindInfo): string {
  return createHash('sha256').update(`${storage}/${kind}`).digest().subarray(0, 8).toString('base64');
}

function groupBody(group: string): APIGroup & { name: string } {
  const versions = versionsOf(group).map((version) => ({ groupVersion: `${group}/${version}`, version }));
  return { name: group, versions, preferredVersion: versions[0] };
}

/** kubectl resolves an ambiguous name in favour of the group that comes first. */
function rank(group: string): number {
  const order = [
    'apiregistration.k8s.io',
    'apps',
    'events.k8s.io',
    'authentication.k8s.io',
    'authorization.k8s.io',
    'autoscaling',
    'batch',
  ];
  const at = order.indexOf(group);
  return at < 0 ? order.length : at;
}

function stability(version: string): number {
  return version.includes('alpha') ? 0 : version.includes('beta') ? 1 : 2;
}

function resources(kind: KindInfo): APIResource[] {
  const own: APIResource = {
    name: kind.plural,
    singularName: kind.singular,
    namespaced: kind.namespaced,
    kind: kind.kind,
    verbs: [...kind.verbs],
    ...(kind.shortNames.length > 0 && { shortNames: [...kind.shortNames] }),
    ...(kind.categories.length > 0 && { categories: [...kind.categories] }),
    ...(kind.list !== undefined &&
      kind.verbs.includes('create') && { storageVersionHash: storageVersionHash(kind) }),
  };
  const below = Object.entries(kind.subresources).map(
    ([name, fact]): APIResource => ({
      name: `${kind.plural}/${name}`,
      singularName: '',
      namespaced: kind.namespaced,
      ...(fact.group !== undefined && { group: fact.group }),
      ...(fact.version !== undefined && { version: fact.version }),
      kind: fact.kind,
      verbs: [...fact.verbs],
    }),
  );
  return [own, ...below];
}
