// The way out of a cluster: TCP, UDP and names of the world, which is this test's own network namespace.
import assert from 'node:assert/strict';
import { execFile, execFileSync } from 'node:child_process';
import { createSocket, type Socket as UdpSocket } from 'node:dgram';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { promisify } from 'node:util';
import { Rtnetlink } from '#kernel/rtnetlink.ts';
import { launcher } from '#test/support/cluster.ts';
import { enterTestNamespace } from '#test/support/namespace.ts';
import { until } from '#test/support/until.ts';

await enterTestNamespace();

const runFile = promisify(execFile);
/** An address of the world, and one of its resolver, of the kind that systemd-resolved has. */
const WORLD = '198.51.100.7';
const RESOLVER = '127.0.0.53';
const folder = mkdtempSync(join(tmpdir(), 'portolan-egress-'));

/** Names its client's address, then sends back what it gets until the client has ended its direction. */
const tcp: Server = createServer({ allowHalfOpen: true }, (socket) => {
  socket.on('error', () => socket.destroy());
  socket.write(`${socket.remoteAddress}\n`);
  socket.pipe(socket);
});
const udp: UdpSocket = createSocket('udp4', (data, from) =>
  udp.send(`${from.address} ${String(data)}`, from.port, from.address),
);
/** Answers every question with one address: header, question as asked, one A record. */
const dns: UdpSocket = createSocket('udp4', (query, from) => {
  const question = query.subarray(12, query.indexOf(0, 12) + 5);
  const header = Buffer.from([query[0] ?? 0, query[1] ?? 0, 0x81, 0x80, 0, 1, 0, 1, 0, 0, 0, 0]);
  const answer = Buffer.from([0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 60, 0, 4, ...WORLD.split('.').map(Number)]);
  dns.send(Buffer.concat([header, question, answer]), from.port, from.address);
});

async function portolan(
  command: string,
  words: readonly string[],
  rest: readonly string[] = [],
): Promise<string> {
  const cluster = ['--name', 'egress', '--data-dir', join(folder, 'data')];
  const { stdout } = await runFile(launcher, [command, ...words, ...cluster, ...rest], { timeout: 60_000 });
  return stdout;
}

/** Runs a script in the network of a node. */
function onNode(script: string): Promise<string> {
  return portolan('enter', ['node/node-1'], ['--', 'timeout', '5', 'bash', '-c', script]);
}

/** A pod with the resolver of its node, which keeps what it sees in a folder of the host. */
const asker = {
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: { namespace: 'default', name: 'asker' },
  spec: {
    dnsPolicy: 'Default',
    restartPolicy: 'OnFailure',
    volumes: [{ name: 'seen', hostPath: { path: join(folder, 'seen'), type: 'DirectoryOrCreate' } }],
    containers: [
      {
        name: 'main',
        image: 'portolan/host',
        command: [
          'sh',
          '-c',
          'cp /etc/resolv.conf /seen/conf && getent ahostsv4 world.example >/seen/part && mv /seen/part /seen/hosts',
        ],
        volumeMounts: [{ name: 'seen', mountPath: '/seen' }],
      },
    ],
  },
};

const TCP_SCRIPT = `exec 3<>/dev/tcp/${WORLD}/8080; head -n 1 <&3; echo hello >&3; head -n 1 <&3`;

describe('egress', { concurrency: false }, () => {
  before(async () => {
    using rtnetlink = Rtnetlink.open();
    rtnetlink.run([{ do: 'addAddress', link: 'lo', address: `${WORLD}/32` }]);
    writeFileSync(join(folder, 'resolv.conf'), `nameserver ${RESOLVER}\n`);
    execFileSync('mount', ['--bind', join(folder, 'resolv.conf'), '/etc/resolv.conf']);
    tcp.listen(8080, WORLD);
    udp.bind(9000, WORLD);
    dns.bind(53, RESOLVER);
    await Promise.all([tcp, udp, dns].map((each) => once(each, 'listening')));
    writeFileSync(join(folder, 'asker.json'), JSON.stringify(asker));
    await portolan('up', ['--detach', '--nodes', '1', '-f', join(folder, 'asker.json')]);
  });
  after(async () => {
    await portolan('down', []);
    for (const each of [tcp, udp, dns]) each.close();
    rmSync(folder, { recursive: true, force: true });
  });

  it('carries TCP connections both ways, from an address of the host', async () => {
    assert.equal(await onNode(TCP_SCRIPT), `${WORLD}\nhello\n`);
  });

  it('carries large transfers whole, and ends them in order', async () => {
    const script = `exec 3<>/dev/tcp/${WORLD}/8080; head -n 1 <&3 >/dev/null; head -c 3000000 /dev/zero >&3 & head -c 3000000 <&3 | wc -c`;
    assert.equal((await onNode(script)).trim(), '3000000');
  });

  it('refuses what the world refuses', async () => {
    await assert.rejects(onNode(`exec 3<>/dev/tcp/${WORLD}/8081 && head -n 1 <&3 | grep -q .`));
  });

  it('carries datagrams of several flows, each answered from the address it was sent to', async () => {
    const flow = `exec 3<>/dev/udp/${WORLD}/9000; for i in 1 2 3; do echo $1-$i >&3; head -n 1 <&3; done`;
    const [one, two] = await Promise.all([onNode(`set -- one; ${flow}`), onNode(`set -- two; ${flow}`)]);
    assert.deepEqual(
      [one, two],
      ['one', 'two'].map((name) => [1, 2, 3].map((i) => `${WORLD} ${name}-${i}\n`).join('')),
    );
  });

  it('asks the resolver of the host, also one on its loopback, through cluster DNS', async () => {
    // A query for example.com by hand, so that nothing but bash is needed; the answer ends with the address.
    const query = String.raw`\x12\x34\x01\x00\x00\x01\x00\x00\x00\x00\x00\x00\x07example\x03com\x00\x00\x01\x00\x01`;
    const ask = `exec 3<>/dev/udp/10.96.0.10/53; printf '${query}' >&3; head -c 45 <&3 | od -An -tu1 -v | tr -s ' \\n' ' '`;
    const bytes = await onNode(`timeout 2 bash -c ${JSON.stringify(ask).replaceAll('$', '\\$')}`);
    assert.match(bytes, new RegExp(WORLD.replaceAll('.', ' ')));
  });

  it('is the resolver of pods with dnsPolicy Default, whatever loopback address the host’s has', async () => {
    const seen = (name: string): string => join(folder, 'seen', name);
    await until('seen', async () => existsSync(seen('hosts')), Boolean);
    assert.equal(readFileSync(seen('conf'), 'utf8'), 'nameserver 172.30.0.3\n');
    assert.match(readFileSync(seen('hosts'), 'utf8'), new RegExp(`^${WORLD}\\s`));
  });

  it('is off with --no-egress', async () => {
    await portolan('down', []);
    await portolan('up', ['--detach', '--nodes', '1', '--no-egress']);
    await assert.rejects(onNode(TCP_SCRIPT), /Network is unreachable|No route to host/);
  });
});
