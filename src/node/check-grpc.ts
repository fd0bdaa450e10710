/** The gRPC health check (grpc.health.v1.Health/Check) over plain HTTP/2. */
import type { CheckResult } from './check.ts';

const SERVING = 1;

/** A message of one length-prefixed string field. */
function encodeRequest(service: string): Buffer {
  const name = Buffer.from(service);
  const message = service === '' ? Buffer.alloc(0) : Buffer.concat([Buffer.from([0x0a, name.length]), name]);
  const header = Buffer.alloc(5);
  header.writeUInt32BE(message.length, 1);
  return Buffer.concat([header, message]);
}

/** Asks for the status of a service; the empty name is the whole server. */
export async function checkGrpc(
  host: string,
  port: number,
  service: string,
  timeoutMs: number,
): Promise<CheckResult> {
  const http2 = await import('node:http2');
  const { promise, resolve } = Promise.withResolvers<CheckResult>();
  const authority = host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`;
  const session = http2.connect(`http://${authority}`);
  const end = (ok: boolean, message: string, refused = false): void => {
    clearTimeout(timer);
    session.destroy();
    resolve({ ok, message, refused });
  };
  const timer = setTimeout(
    () => end(false, `timeout: failed to connect service "${authority}" within ${timeoutMs / 1000}s`),
    timeoutMs,
  );
  session.once('error', (error: NodeJS.ErrnoException) => {
    end(false, `error: health rpc failed: ${error.message}`, error.code === 'ECONNREFUSED');
  });
  const stream = session.request({
    ':method': 'POST',
    ':path': '/grpc.health.v1.Health/Check',
    'content-type': 'application/grpc',
    te: 'trailers',
  });
  const chunks: Buffer[] = [];
  stream.on('data', (chunk: Buffer) => chunks.push(chunk));
  stream.on('error', (error) => end(false, `error: health rpc failed: ${error.message}`));
  stream.on('end', () => {
    const body = Buffer.concat(chunks);
    // Five bytes of framing, then field 1 (the status) as a varint.
    const status = body.length >= 7 && body[5] === 0x08 ? body[6] : 0;
    end(status === SERVING, status === SERVING ? '' : `service unhealthy (responded with status ${status})`);
  });
  stream.end(encodeRequest(service));
  return promise;
}
