// The name server that bench/dns.ts has others ask: every name below example.org has the address 192.0.2.1 for 300 s.
// Over IPC it tells its port.
import { createSocket } from 'node:dgram';
import { CLASS_IN, HeaderFlag, nameKey, RecordType } from '#wire/dns.ts';
import { prepareAnswer, respond, respondEmpty } from '#wire/dns-answer.ts';
import { questionLabels, readQuery } from '#wire/dns-query.ts';

const ZONE = nameKey(['example', 'org']);
const NXDOMAIN = 3;

const socket = createSocket('udp4');
socket.on('message', (message, { port, address }) => {
  const query = readQuery(message);
  if ('rejected' in query) return;
  const name = questionLabels(query);
  const data = { kind: 'address', address: '192.0.2.1' } as const;
  const known = nameKey(name).endsWith(ZONE) && query.type === RecordType.A;
  const answers = [{ name, type: RecordType.A, class: CLASS_IN, ttl: 300, data }];
  const response = known
    ? respond(
        query,
        prepareAnswer(name, { rcode: 0, answers, authorities: [], additionals: [] }),
        HeaderFlag.RA,
        512,
      )
    : respondEmpty(message, query.questionEnd, NXDOMAIN, query.edns, HeaderFlag.RA);
  socket.send(response, port, address);
});
socket.bind(0, '127.0.0.1', () => process.send?.(socket.address().port));
process.on('disconnect', () => process.exit());
