import type { Ingress, IngressClass } from '#api/networking/v1.gen.ts';
import type { ObjectReader } from '#apiserver/reader.ts';
import type { AdmissionPlugin } from './operation.ts';

const IS_DEFAULT = 'ingressclass.kubernetes.io/is-default-class';
/** How a class was named before there was a field for it. */
const OLD_CLASS = 'kubernetes.io/ingress.class';

/** A new Ingress without a class gets the default one: of several the newest, then the first by name. */
export function defaultIngressClass(objects: ObjectReader): AdmissionPlugin {
  return ({ operation, subresource, served, object }) => {
    if (
      operation !== 'create' ||
      subresource !== '' ||
      served.kind.resource !== 'ingresses.networking.k8s.io'
    )
      return;
    const ingress = object as Ingress;
    if (
      ingress.spec?.ingressClassName !== undefined ||
      ingress.metadata?.annotations?.[OLD_CLASS] !== undefined
    )
      return;
    const [chosen] = objects
      .list<IngressClass>('ingressclasses.networking.k8s.io')
      .filter(({ metadata }) => metadata?.annotations?.[IS_DEFAULT] === 'true')
      .toSorted(newestFirst);
    if (chosen?.metadata?.name) ingress.spec = { ...ingress.spec, ingressClassName: chosen.metadata.name };
  };
}

function newestFirst({ metadata: a }: IngressClass, { metadata: b }: IngressClass): number {
  const age = Date.parse(b?.creationTimestamp ?? '') - Date.parse(a?.creationTimestamp ?? '');
  return age || ((a?.name ?? '') < (b?.name ?? '') ? -1 : 1);
}
