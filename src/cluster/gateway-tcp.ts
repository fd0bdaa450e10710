import { connect, type Server } from 'node:net';
import { unmapIp } from '#lib/ip.ts';
import { acceptOn } from '#os/socket.ts';
import { splice } from './splice.ts';

/**
 * Takes the connections that the fabric diverts to this listening socket and makes them anew from here, the host's
 * namespace. Such a connection's local address is where the pod wanted to go.
 */
export function serveEgressTcp(fd: number): Server {
  return acceptOn(
    fd,
    (inner) => {
      const { localAddress, localPort } = inner;
      if (localAddress === undefined || localPort === undefined) {
        inner.destroy();
        return;
      }
      const outer = connect({ host: unmapIp(localAddress), port: localPort, allowHalfOpen: true });
      splice(inner, outer);
    },
    { allowHalfOpen: true },
  );
}
