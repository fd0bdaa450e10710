import assert from 'node:assert/strict';
import type { Duplex } from 'node:stream';
import { describe, it } from 'node:test';
import { constants, createDeflate, createInflate, type Zlib } from 'node:zlib';
import * as fc from 'fast-check';
import { decodeFrame, encodeFrame, SpdyError, type SpdyFrame } from './spdy.ts';
import { SPDY_DICTIONARY, SPDY_DICTIONARY_ID } from './spdy-dictionary.ts';
import { SpdyHeaderReader, type SpdyHeaders, SpdyHeaderWriter } from './spdy-headers.ts';

const id31 = fc.integer({ min: 0, max: 0x7fffffff });
const uint32 = fc.integer({ min: 0, max: 0xffffffff });
const bytes = fc.uint8Array({ maxLength: 200 }).map((array) => Buffer.from(array));
const fin = fc.boolean();

const PLAIN = { noNullPrototype: true } as const;

const frames: fc.Arbitrary<SpdyFrame> = fc.oneof(
  fc.record({ type: fc.constant('DATA' as const), streamId: id31, fin, data: bytes }, PLAIN),
  fc.record(
    {
      type: fc.constant('SYN_STREAM' as const),
      streamId: id31,
      associatedStreamId: id31,
      priority: fc.integer({ min: 0, max: 7 }),
      fin,
      unidirectional: fc.boolean(),
      headerBlock: bytes,
    },
    PLAIN,
  ),
  fc.record(
    {
      type: fc.constantFrom('SYN_REPLY' as const, 'HEADERS' as const),
      streamId: id31,
      fin,
      headerBlock: bytes,
    },
    PLAIN,
  ),
  fc.record({ type: fc.constant('RST_STREAM' as const), streamId: id31, status: uint32 }, PLAIN),
  fc.record(
    {
      type: fc.constant('SETTINGS' as const),
      clear: fc.boolean(),
      entries: fc.array(
        fc.record(
          {
            id: fc.integer({ min: 0, max: 0xffffff }),
            flags: fc.integer({ min: 0, max: 255 }),
            value: uint32,
          },
          PLAIN,
        ),
      ),
    },
    PLAIN,
  ),
  fc.record({ type: fc.constant('PING' as const), id: uint32 }, PLAIN),
  fc.record({ type: fc.constant('GOAWAY' as const), lastGoodStreamId: id31, status: uint32 }, PLAIN),
  fc.record({ type: fc.constant('WINDOW_UPDATE' as const), streamId: id31, delta: id31 }, PLAIN),
);

describe('decodeFrame()', () => {
  it('gives back every frame that was encoded, one after the other', () => {
    fc.assert(
      fc.property(fc.array(frames, { maxLength: 5 }), (list) => {
        const stream = Buffer.concat(list.map(encodeFrame));
        const decoded: (SpdyFrame | undefined)[] = [];
        let offset = 0;
        for (let result = decodeFrame(stream, 0); result; result = decodeFrame(stream, offset)) {
          decoded.push(result.frame);
          offset = result.next;
        }
        assert.deepEqual(decoded, list);
        assert.equal(offset, stream.length);
      }),
    );
  });

  it('asks for more bytes when any byte of the frame is missing', () => {
    fc.assert(
      fc.property(frames, fc.nat(), (frame, cut) => {
        const encoded = encodeFrame(frame);
        assert.equal(decodeFrame(encoded.subarray(0, cut % encoded.length)), undefined);
      }),
    );
  });

  it('throws nothing but SpdyError and always advances on arbitrary bytes', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 64 }), fc.boolean(), (array, control) => {
        const input = Buffer.from(array);
        if (control && input.length > 1) {
          input.writeUInt16BE(0x8003, 0);
        }
        try {
          const result = decodeFrame(input);
          assert.ok(result === undefined || result.next >= 8);
        } catch (error) {
          assert.ok(error instanceof SpdyError);
        }
      }),
      { numRuns: 2_000 },
    );
  });

  it('refuses a frame whose length nobody needs before it has arrived', () => {
    assert.throws(() => decodeFrame(Buffer.from('0000000100ffffff', 'hex')), SpdyError);
  });

  it('skips control frames of unknown types', () => {
    assert.deepEqual(decodeFrame(Buffer.from('8003000a00000001ff', 'hex')), { frame: undefined, next: 9 });
  });
});

const headers: fc.Arbitrary<SpdyHeaders> = fc
  .dictionary(
    fc.stringMatching(/^[a-z][a-z-]{0,20}$/),
    fc.array(fc.stringMatching(/^[ -~]{0,30}$/), { minLength: 1, maxLength: 3 }),
    { maxKeys: 6 },
  )
  .map((record) => new Map(Object.entries(record)));

describe('SPDY header blocks', () => {
  it('use the dictionary of the draft', () => {
    assert.equal(SPDY_DICTIONARY.length, 1423);
    assert.equal(adler32(SPDY_DICTIONARY), SPDY_DICTIONARY_ID);
  });

  it('survive a round trip, block after block', () => {
    fc.assert(
      fc.property(fc.array(headers, { maxLength: 8 }), (list) => {
        const writer = new SpdyHeaderWriter();
        const reader = new SpdyHeaderReader();
        assert.deepEqual(
          list.map((item) => reader.read(writer.write(item))),
          list,
        );
      }),
    );
  });

  it('are read when a streaming zlib wrote them with references to earlier blocks', async () => {
    const deflate = createDeflate({ dictionary: SPDY_DICTIONARY, level: 9 });
    const reader = new SpdyHeaderReader();
    for (const port of ['80', '80', '8080']) {
      const wanted: SpdyHeaders = new Map([
        ['streamtype', ['error']],
        ['port', [port]],
        ['requestid', ['0']],
      ]);
      const block = await flushed(deflate, plain(wanted));
      assert.deepEqual(reader.read(block), wanted);
    }
  });

  it('are readable to a streaming zlib', async () => {
    const inflate = createInflate({ dictionary: SPDY_DICTIONARY });
    const writer = new SpdyHeaderWriter();
    for (const value of ['a', 'b']) {
      const wanted: SpdyHeaders = new Map([['streamtype', [value]]]);
      assert.deepEqual(await flushed(inflate, writer.write(wanted)), plain(wanted));
    }
  });

  it('throw nothing but SpdyError on arbitrary bytes', () => {
    const start = Buffer.from('78bbe3c6a7c2', 'hex');
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 100 }), fc.boolean(), (array, valid) => {
        try {
          new SpdyHeaderReader().read(valid ? Buffer.concat([start, array]) : Buffer.from(array));
        } catch (error) {
          assert.ok(error instanceof SpdyError);
        }
      }),
      { numRuns: 1_000 },
    );
  });

  it('that swell to more than a header could be are refused', () => {
    const bomb = new SpdyHeaderWriter().write(new Map([['a', ['x'.repeat(1 << 20)]]]));
    assert.ok(bomb.length < 4_000);
    assert.throws(() => new SpdyHeaderReader().read(bomb), SpdyError);
  });
});

function adler32(data: Buffer): number {
  let a = 1;
  let b = 0;
  for (const byte of data) {
    a = (a + byte) % 65_521;
    b = (b + a) % 65_521;
  }
  return ((b << 16) | a) >>> 0;
}

/** The uncompressed form, made by other means than the codec's. */
function plain(wanted: SpdyHeaders): Buffer {
  const text = (value: string) => {
    const length = Buffer.alloc(4);
    length.writeUInt32BE(value.length);
    return Buffer.concat([length, Buffer.from(value)]);
  };
  const count = Buffer.alloc(4);
  count.writeUInt32BE(wanted.size);
  return Buffer.concat([
    count,
    ...[...wanted].flatMap(([name, values]) => [text(name), text(values.join('\0'))]),
  ]);
}

async function flushed(stream: Zlib & Duplex, input: Buffer): Promise<Buffer> {
  const chunks: Buffer[] = [];
  const collect = (chunk: Buffer) => chunks.push(chunk);
  stream.on('data', collect);
  stream.write(input);
  await new Promise<void>((resolve) => stream.flush(constants.Z_SYNC_FLUSH, resolve));
  await new Promise((resolve) => setImmediate(resolve));
  stream.off('data', collect);
  return Buffer.concat(chunks);
}
