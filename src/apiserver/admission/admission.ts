import type { EscalationCheck } from '#apiserver/auth/escalation.ts';
import type { ApiServerConfig } from '#apiserver/config.ts';
import type { ObjectReader } from '#apiserver/reader.ts';
import { defaultIngressClass } from './default-ingress-class.ts';
import { defaultTolerations } from './default-tolerations.ts';
import { inertKinds } from './inert-kinds.ts';
import { namespaceLifecycle } from './namespace-lifecycle.ts';
import { newNodeTaint } from './new-node-taint.ts';
import type { AdmissionPlugin, Operation } from './operation.ts';
import { podPriority } from './pod-priority.ts';
import { serviceAccount } from './service-account.ts';

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
  if (!disabled.has('TaintNodesByCondition')) plugins.push(newNodeTaint);
  if (!disabled.has('DefaultIngressClass')) plugins.push(defaultIngressClass(objects));
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
