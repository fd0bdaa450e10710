import type { Pod } from '#api/core/v1.gen.ts';
import type { EndpointSlice } from '#api/discovery/v1.gen.ts';

/** Of pods: a Service of their namespace whose other endpoints answer while a process is away. */
const STAND_IN_ANNOTATION = 'portolan.dev/stand-in';

export interface Endpoint {
  readonly address: string;
  readonly port: number;
}

/** The Service that stands in for the pod; undefined when none does. */
export function standInService({ metadata }: Pod): { namespace: string; name: string } | undefined {
  const name = metadata?.annotations?.[STAND_IN_ANNOTATION];
  return name === undefined ? undefined : { namespace: metadata?.namespace ?? '', name };
}

/** Those of a Service's endpoints that serve a UDP port with this number over one family, but not the pod itself. */
export function planStandIns(
  slices: readonly EndpointSlice[],
  { family, port, podIps }: { family: 4 | 6; port: number; podIps: readonly string[] },
): Endpoint[] {
  return slices
    .filter(({ addressType }) => addressType === `IPv${family}`)
    .filter(({ ports }) => ports?.some((each) => each.protocol === 'UDP' && each.port === port) === true)
    .flatMap(({ endpoints = [] }) => endpoints)
    .filter(({ conditions }) => conditions?.ready !== false)
    .flatMap(({ addresses: [address = ''] }) => (podIps.includes(address) ? [] : [{ address, port }]));
}
