import type { PodTemplateSpec } from '#api/core/v1.gen.ts';
import { dns1123Label } from '#api/machinery/names.ts';

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
  return warnings;
}
