// What users of `portolan dns` get wrong: one line that says what and where, and the usual exit code.
import assert from 'node:assert/strict';
import { createSocket } from 'node:dgram';
import { chmodSync, readFileSync } from 'node:fs';
import { createServer } from 'node:net';
import process from 'node:process';
import { describe, type TestContext, test } from 'node:test';
import { makeCertificate } from '#test/support/certificate.ts';
import { freePort, startDnsCommand, testFolder } from '#test/support/dns-command.ts';

const USAGE = 2;
const FAILED = 1;
/** Without the rights of root to take low ports and to read all files. */
const WITHOUT_RIGHTS =
  process.getuid?.() === 0
    ? ['setpriv', '--bounding-set', '-net_bind_service,-dac_override,-dac_read_search']
    : [];
const LOW_PORTS_ARE_FREE =
  Number(readFileSync('/proc/sys/net/ipv4/ip_unprivileged_port_start', 'utf8')) <= 53;

/** The command ends with this code and has said one line. */
async function refused(
  t: TestContext,
  args: readonly string[],
  code: number,
  message: RegExp,
  options: Parameters<typeof startDnsCommand>[2] = {},
): Promise<void> {
  const command = startDnsCommand(t, args, options);
  const ended = await command.ended();
  assert.deepEqual(command.lines().length, 1, command.lines().join('\n'));
  assert.match(command.lines()[0] ?? '', message);
  assert.equal(ended, code);
}

const COREFILES: Record<string, [corefile: string, message: RegExp]> = {
  'nothing in it': ['# later\n', /Corefile:1: there is no server block, such as \. \{ … \}$/],
  'a block without end': ['. {\nwhoami\n', /Corefile:1: the block that begins here has no closing \}$/],
  'a brace too many': ['. {\nwhoami\n}\n}\n', /Corefile:4: \} without a \{ before it$/],
  'an unknown plugin': [
    '. {\nforwrd . 192.0.2.1\n}\n',
    /Corefile:2: there is no plugin "forwrd" \(did you mean forward\?\); there are acl, any, /,
  ],
  'an unknown option': [
    '. {\nkubernetes cluster.local {\nttk 5\n}\n}\n',
    /Corefile:3: kubernetes: there is no option "ttk" \(did you mean ttl\?\); there are /,
  ],
  'a plugin of CoreDNS that is not there': [
    '. {\netcd\n}\n',
    /Corefile:2: the plugin etcd is CoreDNS's, but not/,
  ],
  'a missing import': [
    '. {\nimport extra.conf\n}\n',
    /Corefile:2: import \S+extra\.conf: there is no snippet of this name and the file cannot be read \(ENOENT\)$/,
  ],
  'a server over TLS without certificate': [
    'tls://. {\nwhoami\n}\n',
    /Corefile:1: tls:\/\/\.:853 needs a certificate and its key: tls CERTIFICATE KEY$/,
  ],
  'a kubeconfig that is not there': [
    '. {\nkubernetes cluster.local {\nkubeconfig /nothere/config\n}\n}\n',
    /Corefile:3: kubeconfig: \/nothere\/config cannot be read \(ENOENT\)$/,
  ],
  'an address of another machine': [
    '. {\nbind 192.0.2\n}\n',
    /Corefile:2: bind: 192\.0\.2 is neither an address/,
  ],
};

describe('portolan dns', { concurrency: 2 }, () => {
  for (const [what, [corefile, message]] of Object.entries(COREFILES)) {
    test(`ends with 1 and one line for a Corefile with ${what}, and so does check`, async (t) => {
      const file = testFolder(t).file('Corefile', corefile);
      await refused(t, ['--conf', file], FAILED, message);
      await refused(t, ['check', file], FAILED, message);
    });
  }

  test('ends with 1 and one line for a Corefile that cannot be read', async (t) => {
    const folder = testFolder(t);
    await refused(t, ['--conf', folder.path], FAILED, /the Corefile \S+ cannot be read \(EISDIR\)$/);
    const missing = `${folder.path}/nothere`;
    await refused(t, ['--conf', missing], FAILED, /the Corefile \S+nothere cannot be read \(ENOENT\)$/);
    await refused(t, ['check', missing], FAILED, /the Corefile \S+nothere cannot be read \(ENOENT\)$/);
    const secret = folder.file('secret', '. {\nwhoami\n}\n');
    chmodSync(secret, 0);
    await refused(t, ['--conf', secret], FAILED, /the Corefile \S+secret cannot be read \(EACCES\)$/, {
      as: WITHOUT_RIGHTS,
    });
  });

  test('ends with 2 and one line for wrong flags', async (t) => {
    const file = testFolder(t).file('Corefile', '. {\nwhoami\n}\n');
    await refused(t, ['--cnof', file], USAGE, /^portolan dns: unknown flag --cnof, did you mean --conf\?/);
    await refused(t, ['--conf', file, '--zone', 'a.b'], USAGE, /--zone and --conf exclude each other/);
    await refused(t, ['--port', '70000'], USAGE, /--port 70000: a whole number from 0 to 65535 is expected/);
    await refused(t, ['serve'], USAGE, /unexpected word "serve"/);
    await refused(t, ['check'], USAGE, /COREFILE is missing/);
  });

  test('tells of an environment variable that is not set', async (t) => {
    const file = testFolder(t).file('Corefile', '{$HERE}:53 {\nforward . {$THERE}\n}\n');
    const command = startDnsCommand(t, ['check', file], { env: { HERE: 'a.b' } });
    await command.ended();
    assert.match(
      command.lines()[0] ?? '',
      /Corefile:2: there is no environment variable THERE: it is taken to be empty$/,
    );
  });

  test('names the file when certificate, key or CA are none or do not fit', async (t) => {
    const folder = testFolder(t);
    const [one, other] = [await makeCertificate(), await makeCertificate()];
    folder.file('cert.pem', one.cert);
    folder.file('key.pem', one.key);
    folder.file('other.pem', other.key);
    folder.file('junk.pem', 'junk');
    for (const [files, message] of [
      [
        'cert.pem other.pem',
        /Corefile:3: tls: \S+other\.pem is not the key of the certificate in \S+cert\.pem$/,
      ],
      ['junk.pem key.pem', /Corefile:3: tls: \S+junk\.pem holds no certificate in PEM$/],
      ['cert.pem junk.pem', /Corefile:3: tls: \S+junk\.pem holds no private key in PEM/],
      ['cert.pem key.pem junk.pem', /Corefile:3: tls: \S+junk\.pem holds no certificate in PEM$/],
      ['cert.pem nothere.pem', /Corefile:3: tls: \S+nothere\.pem cannot be read \(ENOENT\)$/],
    ] as const) {
      const file = folder.file('Corefile', `tls://. {\nroot ${folder.path}\ntls ${files}\nwhoami\n}\n`);
      await refused(t, ['check', file], FAILED, message);
    }
  });

  test('says where it looked for an API server, when nobody said where it is', async (t) => {
    const file = testFolder(t).file('Corefile', '.:0 {\nbind 127.0.0.1\nkubernetes cluster.local\n}\n');
    await refused(
      t,
      ['--conf', file],
      FAILED,
      /Corefile:3: kubernetes: there is no API server to ask: the kubeconfig \/nothere\/\.kube\/config cannot be read \(ENOENT\); --kubeconfig, /,
      { env: { HOME: '/nothere' } },
    );
  });

  test('ends with 1 and one line for a kubeconfig that is none', async (t) => {
    const folder = testFolder(t);
    folder.file('config', 'clusters: [\n');
    const corefile = `.:0 {\nbind 127.0.0.1\nkubernetes a.b {\nkubeconfig ${folder.path}/config\n}\n}\n`;
    const message = /Corefile:3: kubernetes: \S+config: Flow sequence .* at line 2, column 1$/;
    await refused(t, ['--conf', folder.file('Corefile', corefile)], FAILED, message);
  });

  test('names transport, address and port when another program has the port', async (t) => {
    const port = await freePort();
    const file = testFolder(t).file('Corefile', `.:${port} {\nbind 127.0.0.1\nwhoami\n}\n`);
    const udp = createSocket('udp4');
    await new Promise<void>((resolve) => {
      udp.bind(port, '127.0.0.1', resolve);
    });
    const taken = (transport: string): RegExp =>
      new RegExp(
        `^portolan dns: cannot listen on ${transport} 127\\.0\\.0\\.1 port ${port}: another program has the port \\(EADDRINUSE\\)$`,
      );
    await refused(t, ['--conf', file], FAILED, taken('UDP'));
    udp.close();
    const tcp = createServer();
    await new Promise<void>((resolve) => {
      tcp.listen(port, '127.0.0.1', resolve);
    });
    await refused(t, ['--conf', file], FAILED, taken('TCP'));
    const free = await freePort();
    const page = `.:${free} {\nbind 127.0.0.1\nwhoami\nhealth 127.0.0.1:${port}\n}\n`;
    await refused(t, ['--conf', testFolder(t).file('Corefile', page)], FAILED, taken('TCP \\(HTTP\\)'));
    await new Promise((resolve) => tcp.close(resolve));
  });

  test('says what it lacks to take port 53', {
    skip: LOW_PORTS_ARE_FREE && 'low ports are for everybody on this machine',
  }, async (t) => {
    const file = testFolder(t).file('Corefile', '. {\nbind 127.0.0.1\nwhoami\n}\n');
    await refused(
      t,
      ['--conf', file],
      FAILED,
      /cannot listen on UDP 127\.0\.0\.1 port 53: ports below 1024 need root or CAP_NET_BIND_SERVICE \(EACCES\)$/,
      { as: WITHOUT_RIGHTS },
    );
  });
});
