// OpenAPI v3 documents, one per group and version, as kubectl (validation, explain, apply) and other clients read them.
// Everything but the frame comes from the schema; documents are made on first use.
import { allKinds, type KindInfo } from './kinds.ts';
import type { JsonObject } from './object.ts';
import { pathsOf } from './openapi-paths.ts';
import { schemasFor } from './openapi-schemas.ts';
import { KUBERNETES_VERSION } from './schema.ts';

const documents = new Map<string, JsonObject>();

/** Keys of all documents, as `/openapi/v3` lists them: `api/v1`, `apis/apps/v1`, … */
export function openApiGroupVersions(): string[] {
  return [...new Set(allKinds().map(keyOf))];
}

function keyOf({ group, version }: KindInfo): string {
  return group === '' ? `api/${version}` : `apis/${group}/${version}`;
}

/** The document behind a key; undefined when there is no such group and version. Not to be changed. */
export function openApiDocument(key: string): JsonObject | undefined {
  const known = documents.get(key);
  if (known !== undefined) return known;
  const kinds = allKinds().filter((kind) => keyOf(kind) === key);
  if (kinds.length === 0) return undefined;
  const document = {
    openapi: '3.0.0',
    info: { title: 'Kubernetes', version: KUBERNETES_VERSION },
    paths: Object.assign({}, ...kinds.map((kind) => pathsOf(kind, `/${key}`))) as JsonObject,
    components: {
      schemas: schemasFor(kinds),
      securitySchemes: {
        BearerToken: {
          type: 'apiKey',
          description: 'Bearer Token authentication',
          name: 'authorization',
          in: 'header',
        },
      },
    },
  };
  documents.set(key, document);
  return document;
}
