import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { explainUnshare } from './plan-unshare.ts';

const NOT_PERMITTED = 'unshare: unshare failed: Operation not permitted\n';
const NO_SPACE = 'unshare: unshare failed: No space left on device\n';

describe('explainUnshare()', () => {
  const cases: [what: string, output: string, limits: Record<string, string>, message: RegExp][] = [
    [
      'the limit on user namespaces',
      NO_SPACE,
      { 'user.max_user_namespaces': '0' },
      /user\.max_user_namespaces, which is 0$/,
    ],
    [
      'a limit that is reached',
      NO_SPACE,
      { 'user.max_user_namespaces': '100' },
      /user\.max_user_namespaces$/,
    ],
    [
      'the switch of Debian kernels',
      NOT_PERMITTED,
      { 'kernel.unprivileged_userns_clone': '0' },
      /set sysctl kernel\.unprivileged_userns_clone=1$/,
    ],
    [
      'the switch of AppArmor',
      NOT_PERMITTED,
      { 'kernel.apparmor_restrict_unprivileged_userns': '1' },
      /set sysctl kernel\.apparmor_restrict_unprivileged_userns=0$/,
    ],
    ['a container that forbids it', NOT_PERMITTED, {}, /outside of a container, or as root$/],
    [
      'what else was said',
      'unshare: unrecognized option\n',
      {},
      /exit code 1\): unshare: unrecognized option$/,
    ],
  ];
  for (const [what, output, limits, message] of cases) {
    it(`names ${what}`, () => {
      const text = explainUnshare(output, 1, limits);
      assert.match(text, message);
      assert.ok(!text.includes('\n'));
    });
  }
});
