import assert from 'node:assert/strict';
import { once } from 'node:events';
import { text } from 'node:stream/consumers';
import { describe, it } from 'node:test';
import { decodeFrame, encodeFrame, SpdyError, type SpdyFrame } from '#wire/spdy.ts';
import { SpdyHeaderWriter } from '#wire/spdy-headers.ts';
import { SpdySession, type SpdyStream } from './spdy-session.ts';

/** A server's session whose peer is the test, frame by frame. */
function openServer() {
  const sent: SpdyFrame[] = [];
  const streams: SpdyStream[] = [];
  const pauses: boolean[] = [];
  const session = new SpdySession({
    role: 'server',
    async send(bytes) {
      const { frame } = decodeFrame(bytes)!;
      sent.push(frame!);
    },
    setPaused: (paused) => pauses.push(paused),
    onStream: (stream) => {
      stream.on('error', () => {});
      streams.push(stream);
    },
  });
  const headers = new SpdyHeaderWriter();
  const receive = (frame: SpdyFrame) => session.receive(encodeFrame(frame));
  const open = (streamId: number) =>
    receive({
      type: 'SYN_STREAM',
      streamId,
      associatedStreamId: 0,
      priority: 0,
      fin: false,
      unidirectional: false,
      headerBlock: headers.write(new Map([['streamtype', ['data']]])),
    });
  return { session, sent, streams, pauses, receive, open };
}

describe('SpdySession', () => {
  it('replies to a stream and hands it on with its headers', () => {
    const { sent, streams, open } = openServer();
    open(1);
    assert.deepEqual(streams[0]?.headers.get('streamtype'), ['data']);
    assert.deepEqual(
      sent.map(({ type }) => type),
      ['SYN_REPLY'],
    );
  });

  it('puts frames together however they are cut', async () => {
    const { session, streams, open } = openServer();
    open(1);
    const data = encodeFrame({ type: 'DATA', streamId: 1, fin: true, data: Buffer.from('hello') });
    for (const byte of data) {
      session.receive(Buffer.from([byte]));
    }
    assert.equal(await text(streams[0]!), 'hello');
  });

  it('echoes the peer’s pings and no others', () => {
    const { sent, receive } = openServer();
    receive({ type: 'PING', id: 7 });
    receive({ type: 'PING', id: 8 });
    assert.deepEqual(sent, [{ type: 'PING', id: 7 }]);
  });

  it('ignores settings, window updates and data of streams that are gone', () => {
    const { sent, receive } = openServer();
    receive({ type: 'SETTINGS', clear: false, entries: [] });
    receive({ type: 'WINDOW_UPDATE', streamId: 1, delta: 9 });
    receive({ type: 'DATA', streamId: 9, fin: true, data: Buffer.from('x') });
    assert.deepEqual(sent, []);
  });

  it('says goodbye and ends all streams when stream numbers go backwards', () => {
    const { sent, streams, open } = openServer();
    open(3);
    assert.throws(() => open(1), SpdyError);
    assert.equal(streams[0]?.destroyed, true);
    assert.equal(sent.at(-1)?.type, 'GOAWAY');
  });

  it('refuses more streams than anybody needs', () => {
    const { sent, streams, open } = openServer();
    for (let index = 0; index < 1_001; index++) {
      open(2 * index + 1);
    }
    assert.equal(streams.length, 1_000);
    assert.deepEqual(sent.at(-1), { type: 'RST_STREAM', streamId: 2_001, status: 3 });
  });

  it('stops the carrier while a stream’s reader is behind', async () => {
    const { streams, pauses, receive, open } = openServer();
    open(1);
    receive({ type: 'DATA', streamId: 1, fin: false, data: Buffer.alloc(1 << 20) });
    assert.deepEqual(pauses, [true]);
    streams[0]?.resume();
    await once(streams[0]!, 'data');
    await new Promise((resolve) => setImmediate(resolve));
    assert.deepEqual(pauses, [true, false]);
  });

  it('resets a stream that is given up, and does not answer a reset', () => {
    const { sent, streams, receive, open } = openServer();
    open(1);
    open(3);
    streams[0]?.destroy();
    assert.deepEqual(sent.at(-1), { type: 'RST_STREAM', streamId: 1, status: 5 });
    const before = sent.length;
    receive({ type: 'RST_STREAM', streamId: 3, status: 5 });
    assert.equal(streams[1]?.destroyed, true);
    assert.equal(sent.length, before);
  });
});
