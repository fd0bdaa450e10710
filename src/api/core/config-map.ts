import type { ConfigMap } from '#api/core/v1.gen.ts';
import type { FieldError } from '#api/machinery/field-error.ts';
import type { StrategyParts } from '#api/machinery/strategy-parts.ts';
import { base64Bytes, textBytes, validateImmutability, validateKeys, validateSize } from './keyed-data.ts';

export const configMapStrategy: StrategyParts<ConfigMap> = {
  validate: validateConfigMap,
  validateUpdate: (object, old) => [
    ...validateImmutability(object, old, ['data', 'binaryData']),
    ...validateConfigMap(object),
  ],
};

function validateConfigMap({ data, binaryData }: ConfigMap): FieldError[] {
  return [
    ...validateKeys(data, 'data', binaryData),
    ...validateKeys(binaryData, 'binaryData'),
    // Upstream's way to name the whole object.
    ...validateSize(textBytes(data) + base64Bytes(binaryData), '[]'),
  ];
}
