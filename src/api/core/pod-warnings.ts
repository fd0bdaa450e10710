import type { PodSpec, PodTemplateSpec } from '#api/core/v1.gen.ts';
import { ipWarnings } from '#api/machinery/ip-fields.ts';
import { dns1123Label } from '#api/machinery/names.ts';
import type { KubeObject } from '#api/machinery/object.ts';

const NAME_ADVICE =
  'metadata.name: this is used in Pod names and hostnames, which can result in surprising behavior; a DNS label is recommended';

/** Warnings about a workload: its name becomes part of its pods' names. */
export function workloadWarnings(object: KubeObject, template: PodTemplateSpec | undefined): string[] {
  const name = object.metadata?.name ?? '';
  const advice = name !== '' && dns1123Label(name).length > 0 ? [NAME_ADVICE] : [];
  return template === undefined
    ? advice
    : [...advice, ...podTemplateWarnings(template, 'spec.template.spec')];
}

/** What is accepted in a pod or template and yet probably not what was meant. `path` is that of the spec. */
export function podTemplateWarnings(template: PodTemplateSpec, path: string): string[] {
  const warnings: string[] = [];
  const name = template.metadata?.name ?? '';
  if (name !== '' && dns1123Label(name).length > 0) {
    warnings.push(
      "metadata.name: this is used in the Pod's hostname, which can result in surprising behavior; a DNS label is recommended",
    );
  }
  template.spec?.containers?.forEach((container, index) => {
    const seen = new Set<string>();
    container.ports?.forEach(({ containerPort, protocol }, item) => {
      const key = `${containerPort}/${protocol ?? ''}`;
      if (seen.has(key)) {
        warnings.push(
          `${path}.containers[${index}].ports[${item}]: duplicate port definition with ${path}.containers[${index}].ports`,
        );
      }
      seen.add(key);
    });
  });
  return [...warnings, ...nameWarnings(template.spec, path)];
}

/** About what a pod resolves by itself: an address that stands twice, or in another form than programs write it. */
function nameWarnings(spec: PodSpec | undefined, path: string): string[] {
  const { hostAliases = [], dnsConfig } = spec ?? {};
  const seen = new Set<string>();
  const repeated = hostAliases.flatMap(({ ip }, index) => {
    if (seen.has(ip)) return [`${path}.hostAliases[${index}].ip: duplicate ip ${JSON.stringify(ip)}`];
    seen.add(ip);
    return [];
  });
  const servers = dnsConfig?.nameservers ?? [];
  return [
    ...repeated,
    ...servers.flatMap((ip, index) => ipWarnings(ip, `${path}.dnsConfig.nameservers[${index}]`)),
    ...hostAliases.flatMap(({ ip }, index) => ipWarnings(ip, `${path}.hostAliases[${index}].ip`)),
  ];
}
