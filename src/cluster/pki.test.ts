import assert from 'node:assert/strict';
import { createPrivateKey, X509Certificate } from 'node:crypto';
import { mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { connect, createServer, type TLSSocket } from 'node:tls';
import { openClusterPki, type PkiOptions } from './pki.ts';

const parent = mkdtempSync(join(tmpdir(), 'portolan-pki-'));
after(() => rmSync(parent, { recursive: true }));

function options(name: string, more: Partial<PkiOptions> = {}): PkiOptions {
  return {
    directory: join(parent, name),
    apiServerAddresses: ['10.96.0.1', 'fd00:10:96:0::1', '172.30.0.2'],
    nodes: [
      { name: 'node-1', addresses: ['172.30.0.11'] },
      { name: 'node-2', addresses: ['172.30.0.12', 'fd00:172:30::12'] },
    ],
    ...more,
  };
}

describe('openClusterPki()', () => {
  before(async () => {
    await openClusterPki(options('shared'));
  });

  it('makes certificates whose subjects are the users and groups of upstream', async () => {
    const pki = await openClusterPki(options('shared'));
    const subject = (pem: string) => new X509Certificate(pem).subject;
    assert.equal(subject(pki.admin.certificate), 'O=system:masters\nCN=kubernetes-admin');
    assert.equal(subject(pki.controllerManager.certificate), 'CN=system:kube-controller-manager');
    assert.equal(
      subject(pki.nodes.get('node-2')!.client.certificate),
      'O=system:nodes\nCN=system:node:node-2',
    );
  });

  it('names every address and name of the API server', async () => {
    const { apiServer } = await openClusterPki(options('shared'));
    const certificate = new X509Certificate(apiServer.certificate);
    for (const address of ['127.0.0.1', '::1', '10.96.0.1', 'fd00:10:96::1', '172.30.0.2']) {
      assert.ok(certificate.checkIP(address), address);
    }
    for (const name of ['localhost', 'kubernetes.default.svc', 'kubernetes.default.svc.cluster.local']) {
      assert.ok(certificate.checkHost(name), name);
    }
    assert.equal(certificate.checkIP('10.96.0.2'), undefined);
  });

  it('makes nothing anew when everything fits', async () => {
    const first = await openClusterPki(options('shared'));
    const second = await openClusterPki(options('shared'));
    assert.deepEqual(second.renewed, []);
    assert.equal(second.apiServer.certificate, first.apiServer.certificate);
    assert.equal(second.serviceAccountKey, first.serviceAccountKey);
  });

  it('replaces only the certificate whose addresses changed', async () => {
    await openClusterPki(options('addresses'));
    const again = await openClusterPki(options('addresses', { apiServerAddresses: ['10.96.0.1'] }));
    assert.deepEqual(again.renewed, ['apiserver']);
  });

  it('replaces leaves, not the authority, when they are about to expire', async () => {
    const first = await openClusterPki(options('expiry'));
    const later = await openClusterPki(options('expiry', { now: new Date(Date.now() + 340 * 86_400_000) }));
    assert.equal(later.caCertificate, first.caCertificate);
    assert.equal(later.serviceAccountKey, first.serviceAccountKey);
    assert.equal(later.renewed.length, 6 + 2 * 2);
  });

  it('replaces everything signed when the authority is not readable', async () => {
    const { directory } = options('damage');
    await openClusterPki(options('damage'));
    writeFileSync(join(directory, 'ca.crt'), 'not a certificate');
    const again = await openClusterPki(options('damage'));
    assert.ok(again.renewed.includes('ca') && again.renewed.includes('admin'));
  });

  it('keeps keys readable by their owner only', async () => {
    const { directory } = options('shared');
    const keys = readdirSync(directory).filter((name) => name.endsWith('.key'));
    assert.ok(keys.length > 8);
    for (const name of keys) {
      assert.equal(statSync(join(directory, name)).mode & 0o777, 0o600, name);
    }
    assert.equal(statSync(directory).mode & 0o777, 0o700);
  });

  it('makes a P-256 key for service account tokens', async () => {
    const { serviceAccountKey } = await openClusterPki(options('shared'));
    assert.equal(createPrivateKey(serviceAccountKey).asymmetricKeyDetails?.namedCurve, 'prime256v1');
  });

  it('makes certificates with which both ends of a TLS connection trust each other', async () => {
    const pki = await openClusterPki(options('shared'));
    const { certificate: cert, key } = pki.apiServer;
    const server = createServer({
      cert,
      key,
      ca: pki.caCertificate,
      requestCert: true,
      rejectUnauthorized: true,
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const accepted = new Promise<TLSSocket>((resolve) => server.once('secureConnection', resolve));
    const { port } = server.address() as { port: number };
    const client = connect({
      host: '127.0.0.1',
      port,
      ca: pki.caCertificate,
      cert: pki.admin.certificate,
      key: pki.admin.key,
    });
    const socket = await accepted;
    assert.equal(socket.authorized, true);
    assert.equal(socket.getPeerCertificate().subject.CN, 'kubernetes-admin');
    client.destroy();
    socket.destroy();
    server.close();
  });
});
