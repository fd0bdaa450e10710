import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { planPublished, unprivilegedPort } from './plan-publish.ts';

describe('planPublished()', () => {
  it('lists each node port of each Service, TCP and UDP, in the order of the ports', () => {
    const wanted = planPublished([
      {
        metadata: { namespace: 'default', name: 'web' },
        spec: {
          ports: [
            { name: 'http', port: 80, nodePort: 30080 },
            { name: 'dns', port: 53, protocol: 'UDP', nodePort: 30053 },
            { name: 'signal', port: 99, protocol: 'SCTP', nodePort: 30099 },
          ],
        },
      },
      { metadata: { namespace: 'default', name: 'inner' }, spec: { ports: [{ port: 80 }] } },
    ]);
    assert.deepEqual(wanted, [
      { service: 'default/web', portName: 'dns', protocol: 'UDP', nodePort: 30053 },
      { service: 'default/web', portName: 'http', protocol: 'TCP', nodePort: 30080 },
    ]);
  });
});

describe('unprivilegedPort()', () => {
  it('is 10000 higher, where every user may listen', () => {
    assert.equal(unprivilegedPort(80), 10080);
    assert.ok(unprivilegedPort(1) >= 1024 && unprivilegedPort(1023) <= 65535);
  });
});
