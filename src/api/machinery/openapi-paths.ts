// The operations of a kind as OpenAPI v3 paths. kubectl looks here for the `fieldValidation` and `dryRun` parameters
// and for the media types of patches.
import type { KindInfo } from './kinds.ts';
import type { JsonObject } from './object.ts';
import { schemaRef } from './openapi-schemas.ts';
import type { SubresourceFact } from './schema.ts';

const JSON_TYPES = ['application/json', 'application/yaml', 'application/vnd.kubernetes.protobuf'];
const STREAM_TYPES = ['application/json;stream=watch', 'application/vnd.kubernetes.protobuf;stream=watch'];
const PATCH_TYPES = [
  'application/apply-patch+yaml',
  'application/json-patch+json',
  'application/merge-patch+json',
  'application/strategic-merge-patch+json',
];
const PATCH = { $ref: '#/components/schemas/io.k8s.apimachinery.pkg.apis.meta.v1.Patch' };

const text = (name: string) => parameter(name, { type: 'string', uniqueItems: true });
const integer = (name: string) => parameter(name, { type: 'integer', uniqueItems: true });
const boolean = (name: string) => parameter(name, { type: 'boolean', uniqueItems: true });

function parameter(name: string, schema: JsonObject): JsonObject {
  return { name, in: 'query', schema };
}

const WRITE = [text('dryRun'), text('fieldManager'), text('fieldValidation')];
const DELETE = [
  text('dryRun'),
  integer('gracePeriodSeconds'),
  boolean('ignoreStoreReadErrorWithClusterBreakingPotential'),
  boolean('orphanDependents'),
  text('propagationPolicy'),
];
const LIST = [
  boolean('allowWatchBookmarks'),
  text('continue'),
  text('fieldSelector'),
  text('labelSelector'),
  integer('limit'),
  text('resourceVersion'),
  text('resourceVersionMatch'),
  boolean('sendInitialEvents'),
  integer('timeoutSeconds'),
  boolean('watch'),
];

interface Operation {
  readonly verb: string;
  readonly action: string;
  readonly kind: KindInfo;
  readonly about: { group: string; version: string; kind: string };
  readonly parameters?: readonly JsonObject[];
  readonly body?: JsonObject;
  readonly answer: JsonObject;
  readonly created?: boolean;
}

/** The paths of a kind below `base` (`/api/v1`, `/apis/apps/v1`). */
export function pathsOf(kind: KindInfo, base: string): JsonObject {
  const inNamespace = kind.namespaced ? `${base}/namespaces/{namespace}` : base;
  const collection = `${inNamespace}/${kind.plural}`;
  const paths: JsonObject = { [collection]: collectionPath(kind) };
  if (kind.verbs.includes('get')) paths[`${collection}/{name}`] = objectPath(kind);
  for (const [name, subresource] of Object.entries(kind.subresources)) {
    paths[`${collection}/{name}/${name}`] = subresourcePath(kind, name, subresource);
  }
  if (kind.namespaced && kind.verbs.includes('list')) {
    paths[`${base}/${kind.plural}`] = { get: listOperation(kind, 'ForAllNamespaces'), parameters: LIST };
  }
  return paths;
}

function collectionPath(kind: KindInfo): JsonObject {
  const path: JsonObject = {};
  const own = { kind, about: kind, answer: schemaRef(kind.type) };
  if (kind.verbs.includes('list')) path['get'] = listOperation(kind, '');
  if (kind.verbs.includes('create')) {
    const verb = { verb: 'create', action: 'post', parameters: WRITE, created: true };
    path['post'] = operation({ ...own, ...verb, body: content(JSON_TYPES, schemaRef(kind.type)) });
  }
  if (kind.verbs.includes('deletecollection')) {
    path['delete'] = operation({
      ...own,
      verb: 'deleteCollection',
      action: 'deletecollection',
      parameters: [
        ...DELETE,
        ...LIST.filter(({ name }) => name !== 'watch' && name !== 'allowWatchBookmarks'),
      ],
      body: content(JSON_TYPES, schemaRef('meta/v1.DeleteOptions')),
      answer: schemaRef('meta/v1.Status'),
    });
  }
  path['parameters'] = pathParameters(kind, false);
  return path;
}

function listOperation(kind: KindInfo, suffix: string): JsonObject {
  const answer = schemaRef(kind.list ?? kind.type);
  const list = operation({ verb: 'list', action: 'list', kind, about: kind, parameters: LIST, answer });
  list['operationId'] = `${String(list['operationId'])}${suffix}`;
  return list;
}

function objectPath(kind: KindInfo): JsonObject {
  const path = readWrite(kind, kind.verbs, kind, schemaRef(kind.type), '');
  if (kind.verbs.includes('delete')) {
    path['delete'] = operation({
      verb: 'delete',
      action: 'delete',
      kind,
      about: kind,
      parameters: DELETE,
      body: content(JSON_TYPES, schemaRef('meta/v1.DeleteOptions')),
      answer: schemaRef('meta/v1.Status'),
    });
  }
  return { ...path, parameters: pathParameters(kind, true) };
}

function subresourcePath(kind: KindInfo, name: string, subresource: SubresourceFact): JsonObject {
  const about = {
    group: subresource.group ?? kind.group,
    version: subresource.version ?? kind.version,
    kind: subresource.kind,
  };
  const answer = subresource.type === undefined ? { type: 'string' } : schemaRef(subresource.type);
  const suffix = name.replace(/(^|\/)\w/g, (letter) => letter.toUpperCase()).replaceAll('/', '');
  const path = readWrite(kind, subresource.verbs, about, answer, suffix);
  if (subresource.verbs.includes('create')) {
    const create = { verb: 'create', action: 'post', kind, about, answer, parameters: WRITE, created: true };
    path['post'] = operation({ ...create, body: content(JSON_TYPES, answer) }, suffix);
  }
  return { ...path, parameters: pathParameters(kind, true) };
}

function readWrite(
  kind: KindInfo,
  verbs: readonly string[],
  about: Operation['about'],
  answer: JsonObject,
  suffix: string,
): JsonObject {
  const path: JsonObject = {};
  if (verbs.includes('get'))
    path['get'] = operation({ verb: 'read', action: 'get', kind, about, answer }, suffix);
  if (verbs.includes('update')) {
    const replace = { verb: 'replace', action: 'put', kind, about, answer, parameters: WRITE };
    path['put'] = operation({ ...replace, body: content(JSON_TYPES, answer) }, suffix);
  }
  if (verbs.includes('patch')) {
    const parameters = [...WRITE, boolean('force')];
    const patch = { verb: 'patch', action: 'patch', kind, about, answer, parameters };
    path['patch'] = operation({ ...patch, body: content(PATCH_TYPES, PATCH) }, suffix);
  }
  return path;
}

function content(types: readonly string[], schema: JsonObject): JsonObject {
  return { content: Object.fromEntries(types.map((type) => [type, { schema }])), required: true };
}

function operation(given: Operation, suffix = ''): JsonObject {
  const { verb, action, kind, about, parameters, body, answer, created } = given;
  const { group, version } = kind;
  const tag = `${camel(group === '' ? 'core' : (group.split('.')[0] ?? ''), false)}_${version}`;
  const owner = `${camel(group === '' ? 'core' : (group.split('.')[0] ?? ''), true)}${camel(version, true)}`;
  const types = verb === 'list' ? [...JSON_TYPES, ...STREAM_TYPES] : JSON_TYPES;
  const ok = {
    description: 'OK',
    content: Object.fromEntries(types.map((type) => [type, { schema: answer }])),
  };
  return {
    tags: [tag],
    operationId: `${verb}${owner}${kind.namespaced ? 'Namespaced' : ''}${kind.kind}${suffix}`,
    ...(parameters !== undefined && { parameters }),
    ...(body !== undefined && { requestBody: body }),
    responses: {
      200: ok,
      ...(created === true && {
        201: { ...ok, description: 'Created' },
        202: { ...ok, description: 'Accepted' },
      }),
      401: { description: 'Unauthorized' },
    },
    'x-kubernetes-action': action,
    'x-kubernetes-group-version-kind': { group: about.group, version: about.version, kind: about.kind },
  };
}

function pathParameters(kind: KindInfo, named: boolean): JsonObject[] {
  const inPath = (name: string) => ({
    name,
    in: 'path',
    required: true,
    schema: { type: 'string', uniqueItems: true },
  });
  return [
    ...(named ? [inPath('name')] : []),
    ...(kind.namespaced ? [inPath('namespace')] : []),
    text('pretty'),
  ];
}

function camel(word: string, upper: boolean): string {
  return upper ? word.charAt(0).toUpperCase() + word.slice(1) : word;
}
