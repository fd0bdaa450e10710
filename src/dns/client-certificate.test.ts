import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { connect } from 'node:tls';
import { makeCertificate } from '#test/support/certificate.ts';
import { request } from '#test/support/dns-plugin.ts';
import { frameMessage } from '#wire/dns-tcp.ts';
import { AnswerTable } from './answer-table.ts';
import type { ClientAuth } from './client-certificate.ts';
import { serveTls } from './serve-tls.ts';

type Certificate = Awaited<ReturnType<typeof makeCertificate>>;

/** Whether a client with this certificate gets its query answered. */
async function answered(
  t: TestContext,
  port: number,
  server: Certificate,
  client: Certificate | undefined,
): Promise<boolean> {
  const socket = connect({ port, host: '127.0.0.1', ca: server.cert, ALPNProtocols: ['dot'], ...client });
  t.after(() => socket.destroy());
  return new Promise((resolve) => {
    socket.on('error', () => resolve(false));
    socket.on('close', () => resolve(false));
    socket.on('data', () => resolve(true));
    socket.write(frameMessage(request('a.test', 'A').query.message));
  });
}

/** Whether those are let in that show nothing, a certificate of the authority, one of somebody else. */
const CASES: readonly [ClientAuth, none: boolean, known: boolean, foreign: boolean][] = [
  ['nocert', true, true, true],
  ['request', true, true, true],
  ['require', false, true, true],
  ['verify_if_given', true, true, false],
  ['require_and_verify', false, true, false],
];

for (const [clientAuth, ...expected] of CASES) {
  test(`tls client_auth ${clientAuth} lets in whom it should`, async (t) => {
    const [own, known, foreign] = [await makeCertificate(), await makeCertificate(), await makeCertificate()];
    const service = { table: new AnswerTable(), answer: (message: Buffer) => message };
    const options = { ...own, ca: known.cert, clientAuth };
    const server = await serveTls({ address: '127.0.0.1', port: 0 }, service, options);
    t.after(() => server[Symbol.asyncDispose]());
    const { port } = server.address;
    const got: boolean[] = [];
    for (const client of [undefined, known, foreign]) got.push(await answered(t, port, own, client));
    assert.deepEqual(got, expected);
  });
}
