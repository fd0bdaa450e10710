import type { Event as CoreEvent } from '#api/core/v1.gen.ts';
import type { Event } from '#api/events/v1.gen.ts';
import type { KindInfo } from '#api/machinery/kinds.ts';
import type { KubeObject } from '#api/machinery/object.ts';

/** Two versions of one kind that share their stored objects. Neither direction changes its input. */
export interface Conversion {
  toStored(object: KubeObject): KubeObject;
  fromStored(object: KubeObject): KubeObject;
}

/** Under which resource name a kind's objects are stored, and how to get there. */
export function storageForm(kind: KindInfo): { storedAs: string; conversion: Conversion | undefined } {
  if (kind.resource === 'events.events.k8s.io') return { storedAs: 'events', conversion: EVENTS };
  // Their fields differ too much for renaming; until they are converted each version has objects of its own.
  if (kind.resource === 'horizontalpodautoscalers.autoscaling' && kind.version === 'v1') {
    return { storedAs: `v1.${kind.resource}`, conversion: undefined };
  }
  return { storedAs: kind.resource, conversion: undefined };
}

/** Events exist in the core group and in events.k8s.io; the fields differ in name only. */
const EVENTS: Conversion = {
  toStored(object) {
    const {
      regarding,
      note,
      deprecatedSource,
      deprecatedFirstTimestamp,
      deprecatedLastTimestamp,
      deprecatedCount,
      reportingController,
      ...rest
    } = object as Event;
    return {
      ...rest,
      apiVersion: 'v1',
      involvedObject: regarding ?? {},
      message: note,
      source: deprecatedSource ?? {},
      firstTimestamp: deprecatedFirstTimestamp,
      lastTimestamp: deprecatedLastTimestamp,
      count: deprecatedCount,
      reportingComponent: reportingController ?? '',
      reportingInstance: rest.reportingInstance ?? '',
    } as CoreEvent;
  },
  fromStored(object) {
    const {
      involvedObject,
      message,
      source,
      firstTimestamp,
      lastTimestamp,
      count,
      reportingComponent,
      ...rest
    } = object as CoreEvent;
    return {
      ...rest,
      apiVersion: 'events.k8s.io/v1',
      regarding: involvedObject,
      note: message,
      deprecatedSource: source,
      deprecatedFirstTimestamp: firstTimestamp,
      deprecatedLastTimestamp: lastTimestamp,
      deprecatedCount: count,
      reportingController: reportingComponent,
      eventTime: rest.eventTime,
    } as Event;
  },
};
