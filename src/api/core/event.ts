// Events of both shapes. The rules are the same; an event with eventTime is of the new style and must be complete.
import type { Event } from '#api/core/v1.gen.ts';
import type { Event as GroupEvent } from '#api/events/v1.gen.ts';
import { type FieldError, invalid, required } from '#api/machinery/field-error.ts';
import { qualifiedName } from '#api/machinery/names.ts';
import type { StrategyParts } from '#api/machinery/strategy-parts.ts';
import { PATH_NAME } from '#api/machinery/validate-meta.ts';

const TYPES = ['Normal', 'Warning'];
const MIN_SERIES = 2;

export const eventStrategy: StrategyParts<Event> = {
  allowCreateOnUpdate: true,
  checkName: PATH_NAME,
  validate: validateEvent,
  selectableFields: (event) => ({
    'involvedObject.kind': event.involvedObject.kind ?? '',
    'involvedObject.namespace': event.involvedObject.namespace ?? '',
    'involvedObject.name': event.involvedObject.name ?? '',
    'involvedObject.uid': event.involvedObject.uid ?? '',
    'involvedObject.apiVersion': event.involvedObject.apiVersion ?? '',
    'involvedObject.resourceVersion': event.involvedObject.resourceVersion ?? '',
    'involvedObject.fieldPath': event.involvedObject.fieldPath ?? '',
    reason: event.reason ?? '',
    reportingComponent: event.reportingComponent ?? '',
    source: event.source?.component || (event.reportingComponent ?? ''),
    type: event.type ?? '',
  }),
};

/** The same of events.k8s.io: the object is `regarding`, and the time is compulsory. */
export const groupEventStrategy: StrategyParts<GroupEvent> = {
  allowCreateOnUpdate: true,
  checkName: PATH_NAME,
  validate: (event) => [
    ...(event.eventTime ? [] : [required('eventTime')]),
    ...validateEvent(asCoreEvent(event)).filter(
      ({ field }) => event.eventTime || field.startsWith('involved'),
    ),
  ],
  selectableFields: ({ regarding, reason = '', reportingController = '', type = '' }) => ({
    'regarding.kind': regarding?.kind ?? '',
    'regarding.namespace': regarding?.namespace ?? '',
    'regarding.name': regarding?.name ?? '',
    'regarding.uid': regarding?.uid ?? '',
    reason,
    reportingController,
    type,
  }),
};

function asCoreEvent(event: GroupEvent): Event {
  return {
    metadata: event.metadata ?? {},
    involvedObject: event.regarding ?? {},
    eventTime: event.eventTime,
    series: event.series,
    action: event.action,
    type: event.type,
    reason: event.reason,
    reportingComponent: event.reportingController ?? '',
    reportingInstance: event.reportingInstance ?? '',
  };
}

function validateEvent(event: Event): FieldError[] {
  const errors = validateNamespace(event);
  return event.eventTime ? [...errors, ...validateNewStyle(event)] : errors;
}

/** An event lives where its object lives; those about cluster-scoped objects in `default`. */
function validateNamespace({ metadata, involvedObject }: Event): FieldError[] {
  const own = metadata?.namespace ?? '';
  const involved = involvedObject.namespace ?? '';
  const fits = involved === '' ? own === 'default' || own === 'kube-system' : own === involved;
  return fits ? [] : [invalid('involvedObject.namespace', involved, 'does not match event.namespace')];
}

function validateNewStyle(event: Event): FieldError[] {
  const {
    reportingComponent = '',
    reportingInstance = '',
    action = '',
    reason = '',
    type = '',
    series,
  } = event;
  const errors: FieldError[] = [];
  if (reportingComponent === '') errors.push(required('reportingComponent'));
  for (const text of qualifiedName(reportingComponent)) {
    errors.push(invalid('reportingComponent', reportingComponent, text));
  }
  if (reportingInstance === '') errors.push(required('reportingInstance'));
  if (action === '') errors.push(required('action'));
  if (reason === '') errors.push(required('reason'));
  if (!TYPES.includes(type)) errors.push(invalid('type', type, 'has invalid value'));
  if (series && (series.count ?? 0) < MIN_SERIES) {
    errors.push(invalid('series.count', series.count, 'should be at least 2'));
  }
  return errors;
}
