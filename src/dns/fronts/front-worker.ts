import { parentPort, workerData } from 'node:worker_threads';
import { FrontLoop } from './front-loop.ts';
import type { FrontData } from './messages.ts';

if (parentPort === null) throw new Error('this file is a thread of portolan dns, not a program');
new FrontLoop(parentPort, workerData as FrontData).run();
