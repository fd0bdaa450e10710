import type { KubeObject } from '#api/machinery/object.ts';
import type { EscalationCheck } from '#apiserver/auth/escalation.ts';
import type { User } from '#apiserver/auth/types.ts';
import type { ApiServerConfig } from '#apiserver/config.ts';
import type { Served } from '#apiserver/engine/resources.ts';
import type { ObjectReader } from '#apiserver/reader.ts';
import { defaultTolerations } from './default-tolerations.ts';
import { inertKinds } from './inert-kinds.ts';
import { namespaceLifecycle } from './namespace-lifecycle.ts';
import { podPriority } from './pod-priority.ts';
import { serviceAccount } from './service-account.ts';

/** One write, before it is prepared, validated and stored. */
export interface Operation {
  readonly operation: 'create' | 'update' | 'delete';
  readonly served: Served;
  readonly namespace: string;
  readonly name: string;
  readonly subresource: string;
  readonly user: User;
  readonly dryRun: boolean;
  /** Texts for Warning headers go here. */
  readonly warnings: string[];
  /** The wanted object, to be changed in place; absent when it is deleted. */
  readonly object?: KubeObject | undefined;
  readonly old?: KubeObject | undefined;
}

/** Looks at a write, may change its object, and throws StatusError to refuse it. */
export type AdmissionPlugin = (operation: Operation) => void | Promise<void>;

export interface Admission {
  admit(operation: Operation): Promise<void>;
}

/** The plug-ins in upstream's order, without those that are switched off; last, nobody hands out rights that they lack. */
export function createAdmission(
  objects: ObjectReader,
  config: Pick<ApiServerConfig, 'disableAdmission' | 'inertKinds'>,
  checkEscalation: EscalationCheck,
): Admission {
  const disabled = new Set(config.disableAdmission);
  const plugins: AdmissionPlugin[] = [namespaceLifecycle(objects)];
  if (!disabled.has('ServiceAccount')) plugins.push(serviceAccount(objects));
  if (!disabled.has('Priority')) plugins.push(podPriority(objects));
  if (!disabled.has('DefaultTolerationSeconds')) plugins.push(defaultTolerations);
  plugins.push(inertKinds(config.inertKinds ?? new Set()));
  plugins.push(escalation(checkEscalation));
  return {
    async admit(operation) {
      for (const plugin of plugins) await plugin(operation);
    },
  };
}

function escalation(check: EscalationCheck): AdmissionPlugin {
  return ({ operation, served: { kind }, namespace, name, subresource, user, object, old }) => {
    if (object === undefined) return;
    const { group, version, plural: resource } = kind;
    check(object, old, {
      kind: 'resource',
      user,
      verb: operation,
      group,
      version,
      resource,
      subresource,
      namespace,
      name,
    });
  };
}

/** The pod of an operation that creates one; undefined for everything else. */
export function createdPod<T>({ operation, served, subresource, object }: Operation): T | undefined {
  const creates = operation === 'create' && subresource === '' && served.kind.resource === 'pods';
  return creates ? (object as T) : undefined;
}
