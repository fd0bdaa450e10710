import type { Node, Taint } from '#api/core/v1.gen.ts';
import { equalJson } from '#api/machinery/equal.ts';
import {
  duplicate,
  type FieldError,
  forbidden,
  invalid,
  notSupported,
  required,
} from '#api/machinery/field-error.ts';
import { validateCidr } from '#api/machinery/ip-fields.ts';
import { labelValue, qualifiedName } from '#api/machinery/names.ts';
import type { StrategyParts } from '#api/machinery/strategy-parts.ts';

const EFFECTS = ['NoExecute', 'NoSchedule', 'PreferNoSchedule'];

export const nodeStrategy: StrategyParts<Node> = {
  // A node registers itself together with its status.
  keepsStatusOnCreate: true,
  defaults: agreeOnPodCidrs,
  validate: validateNode,
  validateUpdate: validateNodeUpdate,
  validateStatusUpdate: validateAddresses,
  selectableFields: ({ spec }) => ({ 'spec.unschedulable': String(spec?.unschedulable === true) }),
};

/** podCIDR is the first of podCIDRs, and wins where they differ. */
function agreeOnPodCidrs(node: Node): void {
  const spec = (node.spec ??= {});
  if (spec.podCIDR) {
    if (spec.podCIDRs?.[0] !== spec.podCIDR) spec.podCIDRs = [spec.podCIDR];
  } else if (spec.podCIDRs?.[0]) spec.podCIDR = spec.podCIDRs[0];
}

function validateNode(node: Node): FieldError[] {
  const { taints, podCIDRs } = node.spec ?? {};
  const errors = (taints ?? []).flatMap((taint, index) => validateTaint(taint, `metadata.taints[${index}]`));
  taints?.forEach(({ key, effect }, index) => {
    const first = taints.findIndex((other) => other.key === key && other.effect === effect);
    if (first < index) errors.push(duplicate(`metadata.taints[${index}]`, taints[index]));
  });
  podCIDRs?.forEach((cidr, index) => errors.push(...validateCidr(cidr, `spec.podCIDRs[${index}]`)));
  return [...errors, ...validateAddresses(node)];
}

function validateTaint({ key, value = '', effect }: Taint, path: string): FieldError[] {
  const errors =
    key === ''
      ? [required(`${path}.key`)]
      : qualifiedName(key).map((text) => invalid(`${path}.key`, key, text));
  errors.push(...labelValue(value).map((text) => invalid(`${path}.value`, value, text)));
  if (effect === '') errors.push(required(`${path}.effect`));
  else if (!EFFECTS.includes(effect)) errors.push(notSupported(`${path}.effect`, effect, EFFECTS));
  return errors;
}

function validateNodeUpdate(node: Node, old: Node): FieldError[] {
  const errors = validateNode(node);
  const { podCIDRs = [], providerID = '' } = node.spec ?? {};
  const before = old.spec?.podCIDRs ?? [];
  if (before.length > 0 && !equalJson(podCIDRs, before)) {
    errors.push(forbidden('spec.podCIDRs', 'node updates may not change podCIDR except from "" to valid'));
  }
  if (old.spec?.providerID && providerID !== old.spec.providerID) {
    errors.push(invalid('spec.providerID', providerID, 'field is immutable once set'));
  }
  return errors;
}

function validateAddresses({ status }: Node): FieldError[] {
  const addresses = status?.addresses ?? [];
  return addresses.flatMap((address, index) => {
    const first = addresses.findIndex((other) => equalJson(other, address));
    return first < index ? [duplicate(`status.addresses[${index}]`, address)] : [];
  });
}
