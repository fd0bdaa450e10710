// A DNS server whose sockets somebody else keeps, as systemd or the node of a standalone cluster: it may be killed.
import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { after, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { closeFd } from '#os/fd-ledger.ts';
import { bindUdp, listenTcp, localAddress } from '#os/socket.ts';
import { launcher } from '#test/support/cluster.ts';
import { until } from '#test/support/until.ts';

const ADDRESS = '127.0.0.1';
const folder = mkdtempSync(join(tmpdir(), 'portolan-handover-'));
const udp = bindUdp({ address: ADDRESS, port: 0 });
const { port } = localAddress(udp);
const tcp = listenTcp({ address: ADDRESS, port });
const corefile = join(folder, 'Corefile');
writeFileSync(
  corefile,
  `.:${port} {\n bind ${ADDRESS}\n template IN A {\n  answer "{{ .Name }} 60 IN A 192.0.2.1"\n }\n}\n`,
);
const client = createSocket('udp4');
const answered = new Set<number>();
client.on('message', (message) => answered.add(message.readUInt16BE(0)));
const running = new Set<ChildProcess>();
after(async () => {
  for (const server of running) await kill(server);
  client.close();
  for (const fd of [udp, tcp]) closeFd(fd);
  rmSync(folder, { recursive: true });
});

/** Starts one with the sockets from descriptor 3 on; the shell knows the process id that the program will have. */
function start(file = corefile, stderr: 'inherit' | 'pipe' = 'inherit'): ChildProcess {
  const script = `LISTEN_PID=$$ LISTEN_FDS=2 exec "$0" dns --conf "$1"`;
  const server = spawn('sh', ['-c', script, launcher, file], {
    stdio: ['ignore', 'ignore', stderr, udp, tcp],
  });
  running.add(server);
  return server;
}

async function kill(server: ChildProcess): Promise<void> {
  running.delete(server);
  const ended = once(server, 'exit');
  server.kill('SIGKILL');
  await ended;
}

function query(id: number): Buffer {
  const question = Buffer.from('\x04name\x07example\x00\x00\x01\x00\x01', 'latin1');
  return Buffer.concat([Buffer.from([id >> 8, id & 255, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0]), question]);
}

const allAnswered = (count: number) =>
  until(
    `${count} answers`,
    async () => answered.size,
    (size) => size === count,
  );

test('queries that came before the server are answered, over UDP and TCP', async () => {
  client.send(query(1), port, ADDRESS);
  const stream = connect(port, ADDRESS);
  const message = query(2);
  stream.write(Buffer.concat([Buffer.from([0, message.length]), message]));
  await once(stream, 'connect');
  const server = start();
  await allAnswered(1);
  const [piece] = (await once(stream, 'data')) as [Buffer];
  assert.equal(piece.readUInt16BE(2), 2);
  stream.destroy();
  await kill(server);
});

test('an address other than that of a socket that was given is refused, and says why', async () => {
  const other = join(folder, 'Corefile.other');
  writeFileSync(other, `.:${port} {\n bind 0.0.0.0\n whoami\n}\n`);
  const server = start(other, 'pipe');
  assert.match(
    await text(server.stderr ?? assert.fail()),
    new RegExp(
      `cannot listen on UDP 0\\.0\\.0\\.0 port ${port}: this process was given it on 127\\.0\\.0\\.1 \\(LISTEN_FDS\\), where it has to listen`,
    ),
  );
  running.delete(server);
});

test('no query is lost when servers are killed one after another', async () => {
  answered.clear();
  let server = start();
  let asked = 0;
  const ask = async (count: number): Promise<void> => {
    for (let i = 0; i < count; i++) {
      client.send(query(asked++), port, ADDRESS);
      await sleep(1);
    }
  };
  for (let killed = 0; killed < 5; killed++) {
    // What waited for the server is behind it: now it is killed amid its work.
    await ask(1);
    await allAnswered(asked);
    await ask(100 + killed);
    await kill(server);
    server = start();
    await ask(100);
  }
  await allAnswered(asked);
});
