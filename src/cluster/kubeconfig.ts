/** What a kubeconfig of a cluster's administrator holds. */
export interface AdminAccess {
  /** Names cluster, user and context. */
  readonly name: string;
  readonly server: string;
  /** PEM. */
  readonly ca: string;
  readonly cert: string;
  readonly key: string;
}

/** The kubeconfig as YAML; JSON strings are YAML, so nothing needs quoting by hand. */
export function formatKubeconfig(access: AdminAccess): string {
  const { name, server, ca, cert, key } = access;
  const text = JSON.stringify;
  return `apiVersion: v1
kind: Config
current-context: ${text(name)}
clusters:
- name: ${text(name)}
  cluster:
    server: ${text(server)}
    certificate-authority-data: ${base64(ca)}
users:
- name: ${text(name)}
  user:
    client-certificate-data: ${base64(cert)}
    client-key-data: ${base64(key)}
contexts:
- name: ${text(name)}
  context:
    cluster: ${text(name)}
    user: ${text(name)}
`;
}

/** The name of a cluster's context: told apart from those of other tools. */
export function contextName(cluster: string): string {
  return `portolan-${cluster}`;
}

function base64(pem: string): string {
  return Buffer.from(pem).toString('base64');
}
