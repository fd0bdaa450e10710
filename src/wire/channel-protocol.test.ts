import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import * as fc from 'fast-check';
import {
  CHANNEL,
  CHANNEL_PROTOCOLS,
  decodeChannelMessage,
  decodeTerminalSize,
  encodeChannelClose,
  encodeChannelData,
  encodeTerminalSize,
} from './channel-protocol.ts';

const protocols = fc.constantFrom(...CHANNEL_PROTOCOLS);

describe('decodeChannelMessage()', () => {
  it('gives back what was encoded', () => {
    fc.assert(
      fc.property(
        protocols,
        fc.integer({ min: 0, max: 4 }),
        fc.uint8Array(),
        (protocol, channel, payload) => {
          const decoded = decodeChannelMessage(encodeChannelData(channel, payload), protocol);
          assert.deepEqual(decoded, { kind: 'data', channel, payload: Buffer.from(payload) });
        },
      ),
    );
  });

  it('knows the end of stdin in v5 as kubectl sends it, and not in v4', () => {
    const message = Buffer.from('ff00', 'hex');
    assert.deepEqual(encodeChannelClose(CHANNEL.stdin), message);
    assert.deepEqual(decodeChannelMessage(message, 'v5.channel.k8s.io'), { kind: 'close', channel: 0 });
    assert.equal(decodeChannelMessage(message, 'v4.channel.k8s.io'), undefined);
  });

  it('refuses channels that do not exist, and never throws', () => {
    fc.assert(
      fc.property(protocols, fc.uint8Array({ maxLength: 8 }), (protocol, array) => {
        const decoded = decodeChannelMessage(Buffer.from(array), protocol);
        assert.ok(decoded === undefined || decoded.channel <= 4);
      }),
    );
    assert.equal(decodeChannelMessage(Buffer.from([5]), 'v5.channel.k8s.io'), undefined);
    assert.equal(decodeChannelMessage(Buffer.alloc(0), 'v5.channel.k8s.io'), undefined);
  });
});

describe('decodeTerminalSize()', () => {
  it('gives back what was encoded', () => {
    const size = { columns: 132, rows: 43 };
    assert.deepEqual(decodeTerminalSize(encodeTerminalSize(size)), size);
  });

  it('refuses what is no size', () => {
    for (const text of [
      '',
      '{',
      'null',
      '[]',
      '{"Width":0,"Height":1}',
      '{"Width":1.5,"Height":1}',
      '{"Width":70000,"Height":1}',
    ]) {
      assert.equal(decodeTerminalSize(Buffer.from(text)), undefined, text);
    }
  });
});
