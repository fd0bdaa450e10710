import { createSocket, type Socket } from 'node:dgram';
import { threadLedger } from '#os/fd-ledger.ts';

/** Makes a bound UDP descriptor a socket of this thread, which now owns it. */
export function adoptUdp(fd: number, family: 4 | 6): Socket {
  const socket = createSocket(family === 4 ? 'udp4' : 'udp6');
  socket.bind({ fd });
  threadLedger().forget(fd);
  return socket;
}
