import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { inClusterConfig, KubeconfigError, loadConfig, loadKubeconfig } from './kubeconfig.ts';

const directory = mkdtempSync(join(tmpdir(), 'portolan-kubeconfig-'));
after(() => rmSync(directory, { recursive: true }));

const PEM = '-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n';
const YAML = `apiVersion: v1
kind: Config
current-context: one
clusters:
- name: one
  cluster: {server: "https://192.0.2.1:6443", certificate-authority-data: ${Buffer.from(PEM).toString('base64')}}
users:
- name: admin
  user: {token: secret}
contexts:
- name: one
  context: {cluster: one, user: admin, namespace: work}
`;

function file(name: string, text: string): string {
  const path = join(directory, name);
  writeFileSync(path, text);
  return path;
}

const failing = (text: string) => (error: unknown) => {
  assert.ok(error instanceof KubeconfigError);
  assert.ok(error.message.includes(text), `${error.message} has no "${text}"`);
  return true;
};

test('`loadKubeconfig()` reads server, certificates, token and namespace of the current context', async () => {
  const config = await loadKubeconfig({ path: file('one', YAML) });
  assert.equal(config.server, 'https://192.0.2.1:6443');
  assert.equal(config.ca, PEM);
  assert.equal(config.token, 'secret');
  assert.equal(config.namespace, 'work');
  assert.equal(config.insecureSkipTlsVerify, false);
});

test('`loadKubeconfig()` merges the files of $KUBECONFIG, the first to say something wins', async () => {
  const second = YAML.replace('current-context: one', 'current-context: two')
    .replace('192.0.2.1', '192.0.2.2')
    .replace('- name: one\n  context: {cluster: one', '- name: two\n  context: {cluster: one');
  const env = {
    KUBECONFIG: [file('first', YAML), join(directory, 'missing'), file('second', second)].join(':'),
  };
  assert.equal((await loadKubeconfig({ env })).server, 'https://192.0.2.1:6443');
  const two = await loadKubeconfig({ env, context: 'two' });
  assert.equal(two.server, 'https://192.0.2.1:6443');
  assert.equal(two.namespace, 'work');
});

test('`loadKubeconfig()` finds certificate and token files relative to the kubeconfig', async () => {
  mkdirSync(join(directory, 'deep'));
  for (const name of ['ca.pem', 'cert.pem', 'key.pem']) file(`deep/${name}`, PEM);
  file('deep/token', 'from-file\n');
  const path = file(
    'deep/config',
    YAML.replace(
      /certificate-authority-data: \S+}/,
      'certificate-authority: ca.pem, insecure-skip-tls-verify: true}',
    ).replace('token: secret', 'client-certificate: cert.pem, client-key: key.pem, tokenFile: token'),
  );
  const config = await loadKubeconfig({ path });
  assert.deepEqual([config.ca, config.cert, config.key], [PEM, PEM, PEM]);
  assert.equal(config.tokenSource?.(), 'from-file');
  assert.equal(config.insecureSkipTlsVerify, true);
});

const REFUSED: [string, (text: string) => string, string][] = [
  [
    'the context is unknown',
    (text) => text.replace('current-context: one', 'current-context: x'),
    'no context "x"',
  ],
  [
    'the cluster is unknown',
    (text) => text.replace('cluster: one, user', 'cluster: x, user'),
    'the cluster "x"',
  ],
  ['the user is unknown', (text) => text.replace('user: admin, name', 'user: x, name'), 'the user "x"'],
  [
    'the server is no URL',
    (text) => text.replace('https://192.0.2.1:6443', 'nowhere'),
    'clusters[0].cluster.server',
  ],
  ['the data is no PEM', (text) => text.replace(/data: [^}]+}/, 'data: AAAA}'), 'certificate-authority-data'],
  [
    'the login is a plugin',
    (text) => text.replace('token: secret', 'exec: {command: x}'),
    'users[0].user.exec: not implemented',
  ],
  [
    'a key lacks its certificate',
    (text) => text.replace('token: secret', 'client-key-data: LS0tLS1CRUdJTi0='),
    'go together',
  ],
  ['a file is missing', (text) => text.replace('token: secret', 'tokenFile: nope'), 'nope'],
  ['the text is no YAML', () => 'a: [', 'bad'],
  [
    'a field has another type',
    (text) => text.replace('current-context: one', 'current-context: [1]'),
    'current-context: must be text',
  ],
];
for (const [index, [when, change, message]] of REFUSED.entries()) {
  test(`\`loadKubeconfig()\` names the file and the field when ${when}`, async () => {
    const path = file(`bad${index}`, change(YAML));
    await assert.rejects(loadKubeconfig({ path }), failing(message));
    await assert.rejects(loadKubeconfig({ path }), failing(directory));
  });
}

test('`loadKubeconfig()` names the path when there is no file', async () => {
  await assert.rejects(
    loadKubeconfig({ env: { HOME: directory } }),
    failing(join(directory, '.kube/config')),
  );
});

test('`inClusterConfig()` reads the service account, and brackets an IPv6 host', () => {
  const account = join(directory, 'account');
  mkdirSync(account);
  file('account/ca.crt', PEM);
  file('account/token', 'abc\n');
  file('account/namespace', 'kube-system\n');
  const env = { KUBERNETES_SERVICE_HOST: 'fd00:10:96::1', KUBERNETES_SERVICE_PORT: '443' };
  const config = inClusterConfig(env, account);
  assert.equal(config.server, 'https://[fd00:10:96::1]:443');
  assert.equal(config.tokenSource?.(), 'abc');
  assert.equal(config.namespace, 'kube-system');
});

test('`loadConfig()` prefers a kubeconfig that was named to the pod around us', async () => {
  const env = {
    KUBERNETES_SERVICE_HOST: '10.96.0.1',
    KUBERNETES_SERVICE_PORT: '443',
    KUBECONFIG: file('named', YAML),
  };
  assert.equal((await loadConfig({ env })).server, 'https://192.0.2.1:6443');
});
