import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createNetworkNamespace } from '#os/namespace.ts';
import { enterTestNamespace } from '#test/support/namespace.ts';
import { readSysctl, SysctlError, writeSysctl } from './sysctl.ts';

await enterTestNamespace();

test('writeSysctl() sets a parameter of one network namespace only', () => {
  const netns = createNetworkNamespace();
  const before = readSysctl('net.ipv4.ip_forward');
  writeSysctl('net.ipv4.ip_forward', 1, { netns });
  writeSysctl('net.ipv4.conf.lo.rp_filter', 2, { netns });
  assert.equal(readSysctl('net.ipv4.ip_forward', { netns }), '1');
  assert.equal(readSysctl('net.ipv4.conf.lo.rp_filter', { netns }), '2');
  assert.equal(readSysctl('net.ipv4.ip_forward'), before);
});

test('an unknown parameter or value is named', () => {
  const isSysctlError = (message: RegExp) => (error: unknown) =>
    error instanceof SysctlError && message.test(error.message);
  assert.throws(() => readSysctl('net.ipv4.nonsense'), isSysctlError(/^read net.ipv4.nonsense: ENOENT$/));
  assert.throws(
    () => writeSysctl('net.ipv4.ip_forward', 'maybe'),
    isSysctlError(/^set net.ipv4.ip_forward to maybe: EINVAL$/),
  );
  assert.throws(() => readSysctl('net...ipv4'), isSysctlError(/: EINVAL$/));
  assert.throws(() => readSysctl('net.ipv4.conf.eth0/1.rp_filter'), isSysctlError(/: ENOENT$/));
});
