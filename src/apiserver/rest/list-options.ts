import { type FieldError, forbidden, notSupported } from '#api/machinery/field-error.ts';
import { type FieldRequirement, parseFieldSelector } from '#api/machinery/field-selector.ts';
import {
  type LabelRequirement,
  parseLabelSelector,
  SelectorSyntaxError,
} from '#api/machinery/label-selector.ts';
import { badRequest, invalid, unclassified } from '#api/machinery/status-error.ts';
import { type ContinueToken, readContinue } from './continue-token.ts';
import { isTrue } from './request-info.ts';

/** What the query of a list or watch says. */
export interface ListOptions {
  readonly labels: readonly LabelRequirement[];
  readonly fields: readonly FieldRequirement[];
  /** 0: no limit. */
  readonly limit: number;
  readonly continued: ContinueToken | undefined;
  /** Undefined: absent. 0: whatever is at hand. */
  readonly revision: number | undefined;
  readonly match: 'Exact' | 'NotOlderThan' | undefined;
}

export interface WatchOptions extends ListOptions {
  /** Undefined: absent, the classic behaviour. */
  readonly sendInitialEvents: boolean | undefined;
  readonly bookmarks: boolean;
  readonly timeoutMs: number;
}

/** How long a watch lives that does not say: between this and twice as long, so that not all end at once. */
const WATCH_MS = 30 * 60_000;

/** Timers of longer times would fire at once. */
const MAX_TIMER_MS = 2 ** 31 - 1;

/** Reads and checks the query of a list. Throws StatusError 400 or 422. */
export function listOptions(query: URLSearchParams): ListOptions {
  const errors = matchErrors(query);
  if (query.has('sendInitialEvents')) {
    errors.push(forbidden('sendInitialEvents', 'sendInitialEvents is forbidden for list'));
  }
  if (errors.length > 0) throw invalid({ group: 'meta.k8s.io', kind: 'ListOptions' }, '', errors);
  const revision = revisionParameter(query, badRequest);
  const token = query.get('continue') ?? '';
  if (token !== '' && revision !== undefined && revision !== 0) {
    throw badRequest('specifying resource version is not allowed when using continue');
  }
  return { ...common(query), revision, continued: token === '' ? undefined : readContinue(token) };
}

/** Reads and checks the query of a watch. Throws StatusError. */
export function watchOptions(query: URLSearchParams): WatchOptions {
  const errors = watchErrors(query);
  if (errors.length > 0) throw invalid({ group: 'meta.k8s.io', kind: 'ListOptions' }, '', errors);
  const seconds = Number(query.get('timeoutSeconds') ?? 0);
  const initial = query.get('sendInitialEvents');
  return {
    ...common(query),
    revision: revisionParameter(query, unclassified),
    continued: undefined,
    sendInitialEvents: initial === null ? undefined : isTrue(initial),
    bookmarks: isTrue(query.get('allowWatchBookmarks')),
    timeoutMs: seconds > 0 ? Math.min(seconds * 1000, MAX_TIMER_MS) : WATCH_MS * (1 + Math.random()),
  };
}

function common(query: URLSearchParams): Pick<ListOptions, 'labels' | 'fields' | 'limit' | 'match'> {
  const match = query.get('resourceVersionMatch');
  const limit = Number(query.get('limit') ?? 0);
  return {
    labels: selector('labelSelector', query, parseLabelSelector),
    fields: selector('fieldSelector', query, parseFieldSelector),
    limit: Number.isSafeInteger(limit) && limit > 0 ? limit : 0,
    match: match === 'Exact' || match === 'NotOlderThan' ? match : undefined,
  };
}

function selector<T>(name: string, query: URLSearchParams, parse: (text: string) => T[]): T[] {
  const text = query.get(name) ?? '';
  if (text === '') return [];
  try {
    return parse(text);
  } catch (error) {
    if (error instanceof SelectorSyntaxError) throw badRequest(`unable to parse ${name}: ${error.message}`);
    throw error;
  }
}

function matchErrors(query: URLSearchParams): FieldError[] {
  const match = query.get('resourceVersionMatch') ?? '';
  const revision = query.get('resourceVersion') ?? '';
  if (match === '') return [];
  const errors: FieldError[] = [];
  if (query.get('continue'))
    errors.push(
      forbidden('resourceVersionMatch', 'resourceVersionMatch is forbidden when continue is provided'),
    );
  if (revision === '')
    errors.push(
      forbidden(
        'resourceVersionMatch',
        'resourceVersionMatch is forbidden unless resourceVersion is provided',
      ),
    );
  if (match !== 'Exact' && match !== 'NotOlderThan')
    errors.push(notSupported('resourceVersionMatch', match, ['Exact', 'NotOlderThan', '']));
  if (match === 'Exact' && revision === '0') {
    errors.push(
      forbidden('resourceVersionMatch', 'resourceVersionMatch "exact" is forbidden for resourceVersion "0"'),
    );
  }
  return errors;
}

function watchErrors(query: URLSearchParams): FieldError[] {
  const match = query.get('resourceVersionMatch') ?? '';
  const errors: FieldError[] = [];
  if (!query.has('sendInitialEvents')) {
    if (match !== '')
      errors.push(
        forbidden(
          'resourceVersionMatch',
          'resourceVersionMatch is forbidden for watch unless sendInitialEvents is provided',
        ),
      );
  } else if (match === '') {
    errors.push(
      forbidden(
        'resourceVersionMatch',
        'sendInitialEvents requires setting resourceVersionMatch to NotOlderThan',
      ),
    );
  } else if (match !== 'NotOlderThan') {
    errors.push(notSupported('resourceVersionMatch', match, ['NotOlderThan']));
  }
  if (query.get('continue')) errors.push(forbidden('continue', 'continue is forbidden for watch'));
  return errors;
}

function revisionParameter(query: URLSearchParams, fail: (message: string) => Error): number | undefined {
  const text = query.get('resourceVersion') ?? '';
  if (text === '') return undefined;
  if (!/^\d{1,16}$/.test(text))
    throw fail(
      `Invalid value: ${JSON.stringify(text)}: strconv.ParseUint: parsing ${JSON.stringify(text)}: invalid syntax`,
    );
  return Number(text);
}
