// The command line of CoreDNS, as Deployments have it, given to `portolan dns`.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { askDns, freePort, startDnsCommand, testFolder } from '#test/support/dns-command.ts';

const COREFILE = '. {\nbind 127.0.0.1\nwhoami\n}\n';

for (const portFlag of ['-dns.port', '--dns.port', '-p', '--port']) {
  test(`portolan dns takes -conf and ${portFlag} as CoreDNS does`, async (t) => {
    const folder = testFolder(t);
    const [port, pidFile] = [await freePort(), join(folder.path, 'pid')];
    const corefile = folder.file('Corefile', COREFILE);
    const args = ['-conf', corefile, portFlag, String(port), '-pidfile', pidFile, '-quiet'];
    const command = startDnsCommand(t, args);
    await command.said(/^serving on /);
    assert.equal((await askDns(port, 'a.test'))?.additionals.length, 2);
    assert.match(readFileSync(pidFile, 'utf8'), /^\d+\n$/);
  });
}

test('portolan dns says of a pid file that cannot be written', async (t) => {
  const folder = testFolder(t);
  const corefile = folder.file('Corefile', COREFILE);
  const command = startDnsCommand(t, ['-conf', corefile, '-pidfile', join(folder.path, 'no', 'pid')]);
  assert.equal(await command.ended(), 1);
  assert.match(command.lines().join('\n'), /^portolan dns: --pidfile \S+ cannot be written \(ENOENT\)$/);
});
