import assert from 'node:assert/strict';
import { once } from 'node:events';
import { request as requestPlain } from 'node:http';
import { connect, type IncomingHttpHeaders } from 'node:http2';
import { type RequestOptions, request } from 'node:https';
import { test } from 'node:test';
import { makeCertificate } from '#test/support/certificate.ts';
import {
  CLASS_IN,
  type DnsRecord,
  decodeMessage,
  encodeMessage,
  encodeQuery,
  HeaderFlag,
  RecordType,
} from '#wire/dns.ts';
import type { Client } from './handler.ts';
import { serveHttps } from './serve-https.ts';
import type { QueryService } from './transport.ts';

const NAME = ['www', 'example', 'org'];
const WHERE = { address: '127.0.0.1', port: 0 };
const TYPE = 'application/dns-message';
const certificate = await makeCertificate();
const query = encodeQuery(0, { name: NAME, type: RecordType.A, class: CLASS_IN }, HeaderFlag.RD);

function record(ttl: number): DnsRecord {
  return {
    name: NAME,
    type: RecordType.A,
    class: CLASS_IN,
    ttl,
    data: { kind: 'address', address: '192.0.2.1' },
  };
}

/** Answers with two addresses, of TTLs 60 and 20; says nothing to a query with ID 1. */
function service(): QueryService & { clients: Client[] } {
  const clients: Client[] = [];
  return {
    clients,
    answer(message, client) {
      clients.push(client);
      if (message.readUInt16BE(0) === 1) return undefined;
      const decoded = decodeMessage(message);
      const flags = decoded.flags | HeaderFlag.QR;
      return Promise.resolve(encodeMessage({ ...decoded, flags, answers: [record(60), record(20)] }));
    },
  };
}

interface HttpAnswer {
  readonly status: number | undefined;
  readonly headers: IncomingHttpHeaders;
  readonly body: Buffer;
}

function ask1(port: number, options: RequestOptions, body?: Buffer, plain = false): Promise<HttpAnswer> {
  return new Promise((resolve, reject) => {
    const all = { port, host: WHERE.address, ca: certificate.cert, ...options };
    const made = (plain ? requestPlain : request)(all, (response) => {
      const pieces: Buffer[] = [];
      response.on('data', (piece: Buffer) => pieces.push(piece));
      response.on('end', () =>
        resolve({ status: response.statusCode, headers: response.headers, body: Buffer.concat(pieces) }),
      );
    });
    made.on('error', reject);
    made.end(body);
  });
}

async function ask2(port: number, headers: Record<string, string>, body?: Buffer): Promise<HttpAnswer> {
  const session = connect(`https://${WHERE.address}:${port}`, { ca: certificate.cert });
  try {
    const stream = session.request(headers);
    stream.end(body);
    const [received] = (await once(stream, 'response')) as [IncomingHttpHeaders & { ':status'?: number }];
    const pieces: Buffer[] = [];
    for await (const piece of stream as AsyncIterable<Buffer>) pieces.push(piece);
    return { status: received[':status'], headers: received, body: Buffer.concat(pieces) };
  } finally {
    session.close();
  }
}

function assertAnswer({ status, headers, body }: HttpAnswer): void {
  assert.equal(status, 200);
  assert.equal(headers['content-type'], TYPE);
  assert.equal(headers['cache-control'], 'max-age=20');
  assert.equal(decodeMessage(body).answers.length, 2);
}

const GET = `/dns-query?dns=${query.toString('base64url')}`;

test('HTTP/2 and HTTP/1.1 answer GET and POST', async () => {
  const queries = service();
  await using server = await serveHttps(WHERE, queries, certificate);
  const { port } = server.address;
  assertAnswer(await ask2(port, { ':path': GET }));
  assertAnswer(await ask2(port, { ':path': '/dns-query', ':method': 'POST', 'content-type': TYPE }, query));
  assertAnswer(await ask1(port, { path: GET }));
  assertAnswer(
    await ask1(port, { path: '/dns-query', method: 'POST', headers: { 'content-type': TYPE } }, query),
  );
  assert.deepEqual(
    queries.clients.map(({ transport, address, family }) => [transport, address, family]),
    Array.from({ length: 4 }, () => ['https', '127.0.0.1', 4]),
  );
});

test('the content type of a POST may be in any case, and have parameters', async () => {
  await using server = await serveHttps(WHERE, service(), certificate);
  for (const type of [TYPE.toUpperCase(), `${TYPE}; charset=utf-8`]) {
    const headers = { ':path': '/dns-query', ':method': 'POST', 'content-type': type };
    assertAnswer(await ask2(server.address.port, headers, query));
  }
});

test('without a certificate it is HTTP/1.1 in clear text', async () => {
  await using server = await serveHttps(WHERE, service(), undefined);
  assertAnswer(await ask1(server.address.port, { path: GET }, undefined, true));
});

test('what is no DNS query over HTTPS is refused as HTTP has it', async () => {
  await using server = await serveHttps(WHERE, service(), certificate);
  const { port } = server.address;
  const headers = { 'content-type': TYPE };
  const post = { path: '/dns-query', method: 'POST', headers };
  const statuses = [
    await ask1(port, { path: '/other' }),
    await ask1(port, { path: '/dns-query', method: 'PUT' }),
    await ask1(port, { path: '/dns-query' }),
    await ask1(port, { path: '/dns-query?dns=***' }),
    await ask1(port, { path: '/dns-query?dns=AAAA' }),
    await ask1(port, { ...post, headers: { 'content-type': 'text/plain' } }, query),
    await ask1(port, post, Buffer.alloc(70_000)),
    await ask1(port, post, Buffer.concat([Buffer.from([0, 1]), query.subarray(2)])),
    await ask2(port, { ':path': '/other' }),
  ].map(({ status }) => status);
  assert.deepEqual(statuses, [404, 405, 400, 400, 400, 415, 413, 400, 404]);
});

test('connections without traffic end, and all end with the server', async () => {
  const server = await serveHttps(WHERE, service(), certificate, { limits: { idleMs: 50 } });
  const idle = connect(`https://${WHERE.address}:${server.address.port}`, { ca: certificate.cert });
  await once(idle, 'close');
  const open = connect(`https://${WHERE.address}:${server.address.port}`, { ca: certificate.cert });
  open.on('error', () => undefined);
  await once(open, 'connect');
  await server[Symbol.asyncDispose]();
  if (!open.closed) await once(open, 'close');
});
