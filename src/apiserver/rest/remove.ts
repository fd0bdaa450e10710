import { type FieldError, invalid as invalidField, notSupported } from '#api/machinery/field-error.ts';
import { invalid } from '#api/machinery/status-error.ts';
import type { DeleteOptions as WireOptions } from '#api/meta/v1.gen.ts';
import type { Entry } from '#apiserver/cache/entry.ts';
import { type DeleteOptions, deleteObject, type Propagation } from '#apiserver/engine/delete.ts';
import { returnsDeletedObject } from '#apiserver/engine/deletion-rules.ts';
import { view } from '#apiserver/engine/engine.ts';
import { decodeOptions } from './body.ts';
import { idOf, type RestContext, scopeOf } from './context.ts';
import { listOptions } from './list-options.ts';
import { encodeAs } from './media.ts';
import { dryRunErrors, numberParameter } from './options.ts';
import { answerMany, answerOne, representation } from './representation.ts';
import type { Answer } from './respond.ts';
import { selection } from './selection.ts';

const POLICIES = ['Background', 'Foreground', 'Orphan'];

interface ParsedOptions extends DeleteOptions {
  readonly dryRun: boolean;
}

/** DELETE of an object. */
export async function deleteOne(context: RestContext): Promise<Answer> {
  const { request, served, info, engine, target } = context;
  const how = representation(request.headers.accept, served, info.query);
  const { dryRun, ...options } = await readOptions(context);
  warnOfOrphans(context, options.propagation);
  const { entry, result } = await deleteObject(engine, idOf(context), options, scopeOf(context, dryRun));
  if (result !== 'deleted' || returnsDeletedObject(served.storedAs)) return answerOne(200, entry, how);
  const { group, plural } = served.kind;
  const details = {
    name: target.name,
    group: group || undefined,
    kind: plural,
    uid: view(served, entry).metadata?.uid,
  };
  const status = { kind: 'Status', apiVersion: 'v1', metadata: {}, status: 'Success', details };
  return encodeAs(200, status, how.format.mediaType, 'meta/v1.Status');
}

/** Jobs are older than the garbage collector and leave their pods behind unless told otherwise. */
function warnOfOrphans({ served, warnings }: RestContext, propagation: Propagation | undefined): void {
  if (served.storedAs !== 'jobs.batch' || propagation !== undefined) return;
  warnings.push(
    'child pods are preserved by default when jobs are deleted; set propagationPolicy=Background to remove them or set propagationPolicy=Orphan to suppress this warning',
  );
}

/** DELETE of what a list would show; answers with what was deleted. */
export async function deleteMany(context: RestContext): Promise<Answer> {
  const { request, served, info, engine, target } = context;
  const how = representation(request.headers.accept, served, info.query);
  const { dryRun, ...options } = await readOptions(context);
  const list = listOptions(info.query);
  const { namespace, matches } = selection(served, target.namespace, list);
  const entries = engine.cache.resource(served.storedAs).list(namespace).filter(matches);
  const chosen = list.limit > 0 ? entries.slice(0, list.limit) : entries;
  const scope = scopeOf(context, dryRun);
  const results = await Promise.allSettled(
    chosen.map((entry) => deleteObject(engine, identify(context, entry), options, scope)),
  );
  const failed = results.find(
    (result) => result.status === 'rejected' && result.reason?.reason !== 'NotFound',
  );
  if (failed?.status === 'rejected') throw failed.reason;
  return answerMany(chosen, { resourceVersion: String(engine.cache.revision) }, how);
}

function identify(
  { served }: RestContext,
  entry: Entry,
): { served: RestContext['served']; namespace: string; name: string } {
  const { namespace = '', name = '' } = entry.object.metadata ?? {};
  return { served, namespace, name };
}

/** DeleteOptions come as the body, or else in the query. Throws StatusError 400 or 422. */
async function readOptions({ request, info }: RestContext): Promise<ParsedOptions> {
  const hasBody =
    request.headers['transfer-encoding'] !== undefined || Number(request.headers['content-length'] ?? 0) > 0;
  const options = hasBody ? await bodyOptions(request) : queryOptions(info.query);
  const errors = [...policyErrors(options), ...dryRunErrors(options.dryRun ?? [])];
  if (errors.length > 0) throw invalid({ group: 'meta.k8s.io', kind: 'DeleteOptions' }, '', errors);
  const policy = options.propagationPolicy as Propagation | undefined;
  const fromOrphan =
    options.orphanDependents === undefined ? undefined : options.orphanDependents ? 'Orphan' : 'Background';
  return {
    gracePeriodSeconds: options.gracePeriodSeconds ?? undefined,
    propagation: policy ?? fromOrphan,
    uid: options.preconditions?.uid ?? undefined,
    resourceVersion: options.preconditions?.resourceVersion ?? undefined,
    dryRun: (options.dryRun ?? []).includes('All'),
  };
}

async function bodyOptions(request: RestContext['request']): Promise<WireOptions> {
  const expected = { apiVersion: 'meta.k8s.io/v1', kind: 'DeleteOptions', type: 'meta/v1.DeleteOptions' };
  return decodeOptions<WireOptions>(request, expected);
}

function queryOptions(query: URLSearchParams): WireOptions {
  const orphan = query.get('orphanDependents');
  return {
    gracePeriodSeconds: numberParameter(query, 'gracePeriodSeconds'),
    propagationPolicy: query.get('propagationPolicy') ?? undefined,
    orphanDependents: orphan === null ? undefined : orphan !== 'false' && orphan !== '0',
    dryRun: query.getAll('dryRun'),
  };
}

function policyErrors({ propagationPolicy, orphanDependents }: WireOptions): FieldError[] {
  if (propagationPolicy === undefined || propagationPolicy === null) return [];
  const errors: FieldError[] = [];
  if (!POLICIES.includes(propagationPolicy))
    errors.push(notSupported('propagationPolicy', propagationPolicy, POLICIES));
  if (orphanDependents !== undefined) {
    errors.push(
      invalidField(
        'propagationPolicy',
        propagationPolicy,
        'orphanDependents and deletionPropagation cannot be both set',
      ),
    );
  }
  return errors;
}
