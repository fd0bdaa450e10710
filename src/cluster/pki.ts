/**
 * The cluster's certificates: one authority, and one certificate per party that speaks TLS. They live in a
 * directory (keys with mode 0600), are made when missing, and replaced when they are about to expire, name other
 * addresses than asked for, or come from another authority.
 */
import { chmodSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { isUsable } from './certificate-check.ts';
import { createSigningKey, readKeyPair, readText, writeKeyPair, writeText } from './pki-files.ts';

/** PEM texts. */
export interface KeyPair {
  certificate: string;
  key: string;
}

export interface CertificateRequest {
  commonName: string;
  /** The groups of a client certificate. */
  organizations?: readonly string[] | undefined;
  dnsNames?: readonly string[] | undefined;
  ipAddresses?: readonly string[] | undefined;
  usages: readonly ('clientAuth' | 'serverAuth')[];
}

export interface NodeIdentity {
  name: string;
  /** The addresses on which the node's own server (port 10250) is dialled. */
  addresses: readonly string[];
}

export interface PkiOptions {
  /** Made with mode 0700 if missing. */
  directory: string;
  /** Every address on which the API server is dialled: loopback is always included. */
  apiServerAddresses: readonly string[];
  apiServerNames?: readonly string[] | undefined;
  clusterDomain?: string | undefined;
  nodes: readonly NodeIdentity[];
  /** The time by which expiry is judged; a test's clock. */
  now?: Date | undefined;
}

export interface NodeCertificates {
  /** system:node:NAME of group system:nodes. */
  client: KeyPair;
  serving: KeyPair;
}

export interface ClusterPki {
  /** PEM; what every client trusts. */
  caCertificate: string;
  ca: KeyPair;
  apiServer: KeyPair;
  /** With this the API server dials nodes. */
  apiServerKubeletClient: KeyPair;
  /** kubernetes-admin of group system:masters. */
  admin: KeyPair;
  controllerManager: KeyPair;
  scheduler: KeyPair;
  kubeProxy: KeyPair;
  nodes: ReadonlyMap<string, NodeCertificates>;
  /** PEM, EC P-256: signs service account tokens. */
  serviceAccountKey: string;
  /** Names of the files' stems that were made anew; empty on an ordinary restart. */
  renewed: readonly string[];
}

const DAY_MS = 86_400_000;
const AUTHORITY_LIFETIME_MS = 3650 * DAY_MS;
const LEAF_LIFETIME_MS = 365 * DAY_MS;
/** A certificate with less than this left is replaced at start, so a cluster may run for a month. */
const RENEW_BEFORE_MS = 30 * DAY_MS;

/** Loads what is there and makes what is missing or no longer fits. */
export async function openClusterPki(options: PkiOptions): Promise<ClusterPki> {
  const { directory, now = new Date() } = options;
  mkdirSync(directory, { recursive: true, mode: 0o700 });
  chmodSync(directory, 0o700);
  const renewed: string[] = [];
  const goodUntil = new Date(now.getTime() + RENEW_BEFORE_MS);

  const ca = await keepOrMake('ca', { commonName: 'kubernetes', usages: [] });
  const issue = (stem: string, request: CertificateRequest) => keepOrMake(stem, request, ca);

  const pki = {
    caCertificate: ca.certificate,
    ca,
    apiServer: await issue('apiserver', apiServerRequest(options)),
    apiServerKubeletClient: await issue('apiserver-kubelet-client', {
      ...client('kube-apiserver-kubelet-client'),
      organizations: ['system:masters'],
    }),
    admin: await issue('admin', { ...client('kubernetes-admin'), organizations: ['system:masters'] }),
    controllerManager: await issue('controller-manager', client('system:kube-controller-manager')),
    scheduler: await issue('scheduler', client('system:kube-scheduler')),
    kubeProxy: await issue('kube-proxy', client('system:kube-proxy')),
    nodes: new Map<string, NodeCertificates>(),
    serviceAccountKey: serviceAccountKey(directory, renewed),
    renewed,
  };
  for (const node of options.nodes) {
    pki.nodes.set(node.name, {
      client: await issue(`kubelet-client-${node.name}`, nodeClientRequest(node)),
      serving: await issue(`kubelet-${node.name}`, nodeServingRequest(node)),
    });
  }
  return pki;

  async function keepOrMake(
    stem: string,
    request: CertificateRequest,
    authority?: KeyPair,
  ): Promise<KeyPair> {
    const present = readKeyPair(directory, stem);
    if (present && isUsable(present, request, authority?.certificate, goodUntil)) {
      return present;
    }
    const { createAuthority, issueCertificate } = await import('./certificate.ts');
    const made = authority
      ? await issueCertificate(authority, request, LEAF_LIFETIME_MS)
      : await createAuthority(request.commonName, AUTHORITY_LIFETIME_MS);
    writeKeyPair(directory, stem, made);
    renewed.push(stem);
    return made;
  }
}

function apiServerRequest(options: PkiOptions): CertificateRequest {
  const domain = options.clusterDomain ?? 'cluster.local';
  return {
    commonName: 'kube-apiserver',
    dnsNames: [
      'localhost',
      'kubernetes',
      'kubernetes.default',
      'kubernetes.default.svc',
      `kubernetes.default.svc.${domain}`,
      ...(options.apiServerNames ?? []),
    ],
    ipAddresses: ['127.0.0.1', '::1', ...options.apiServerAddresses],
    usages: ['serverAuth'],
  };
}

function nodeClientRequest({ name }: NodeIdentity): CertificateRequest {
  return { ...client(`system:node:${name}`), organizations: ['system:nodes'] };
}

function nodeServingRequest({ name, addresses }: NodeIdentity): CertificateRequest {
  return {
    commonName: `system:node:${name}`,
    organizations: ['system:nodes'],
    dnsNames: [name],
    ipAddresses: addresses,
    usages: ['serverAuth'],
  };
}

function client(commonName: string): CertificateRequest {
  return { commonName, usages: ['clientAuth'] };
}

function serviceAccountKey(directory: string, renewed: string[]): string {
  const path = join(directory, 'sa.key');
  const present = readText(path);
  if (present !== undefined) {
    return present;
  }
  const made = createSigningKey();
  writeText(path, made, 0o600);
  renewed.push('sa');
  return made;
}
