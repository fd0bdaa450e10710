/** The sentence of a refusal, as upstream words it. */
import { forbidden, type StatusError } from '#api/machinery/status-error.ts';
import type { RequestAttributes } from './types.ts';

/** 403 for a request that the authorizer did not allow. */
export function forbiddenError(attributes: RequestAttributes, reason: string): StatusError {
  const why = reason === '' ? refusal(attributes) : `${refusal(attributes)}: ${reason}`;
  return attributes.kind === 'resource'
    ? forbidden({ group: attributes.group, plural: attributes.resource }, attributes.name, why)
    : forbidden({ group: '', plural: '' }, '', why);
}

function refusal(attributes: RequestAttributes): string {
  const username = JSON.stringify(attributes.user.username);
  if (attributes.kind === 'nonResource') {
    return `User ${username} cannot ${attributes.verb} path ${JSON.stringify(attributes.path)}`;
  }
  const { verb, group, resource, subresource, namespace } = attributes;
  const full = subresource === '' ? resource : `${resource}/${subresource}`;
  const scope = namespace === '' ? 'at the cluster scope' : `in the namespace ${JSON.stringify(namespace)}`;
  return `User ${username} cannot ${verb} resource "${full}" in API group "${group}" ${scope}`;
}
