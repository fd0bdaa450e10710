import type { ClientConfig } from '#kube/client.ts';
import { contextName, formatKubeconfig } from './kubeconfig.ts';
import type { ClusterPki, KeyPair } from './pki.ts';
import type { ReservedState } from './reserve-state.ts';
import { writeFileAtomically } from './state-dir.ts';

/** A client of the cluster's API server with one of the cluster's certificates. */
export function clientOf(pki: ClusterPki, { certificate, key }: KeyPair, server: string): ClientConfig {
  return { server, ca: pki.caCertificate, cert: certificate, key };
}

/** Writes the administrator's kubeconfig into the data directory. */
export function writeKubeconfig({ paths, settings, api }: ReservedState, pki: ClusterPki): void {
  const text = formatKubeconfig({
    name: contextName(settings.name),
    server: `https://127.0.0.1:${api.port}`,
    ca: pki.caCertificate,
    cert: pki.admin.certificate,
    key: pki.admin.key,
  });
  writeFileAtomically(paths.kubeconfig, text);
}
