import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { FakeNftables } from '#kernel/nftables/fake.ts';
import { Errno } from '#os/libc.ts';
import { checkNftables } from './check-kernel.ts';
import { ClusterError } from './config.ts';

const EPERM = 1;
const EPROTONOSUPPORT = 93;
const EOPNOTSUPP = 95;

/** A kernel that answers the first question with an error. */
class RefusingNftables extends FakeNftables {
  override generation(): number {
    throw new Errno('recv', EOPNOTSUPP, 'netlink');
  }
}

describe('checkNftables()', () => {
  it('is content with a kernel that answers', () => checkNftables(() => new FakeNftables()));

  it('says in one line what is missing when there is no such socket, or nobody behind it', () => {
    const noSocket = (): FakeNftables => {
      throw new Errno('socket', EPROTONOSUPPORT, 'of family 16');
    };
    for (const open of [noSocket, () => new RefusingNftables()]) {
      assert.throws(
        () => checkNftables(open),
        (error: unknown) =>
          error instanceof ClusterError && /^this kernel has no nf_tables .*modprobe/.test(error.message),
      );
    }
  });

  it('passes other errors on', () => {
    const refused = (): FakeNftables => {
      throw new Errno('socket', EPERM, 'of family 16');
    };
    assert.throws(() => checkNftables(refused), { name: 'Errno', code: 'EPERM' });
  });
});
