import { Socket } from 'node:net';
import { FRONT_FD } from '#cluster/front.ts';
import { supervise } from '#cluster/supervisor.ts';
import type { Command } from './command.ts';

export const command: Command = {
  name: 'supervise',
  summary: 'Run a cluster (started by portolan up)',
  help: 'Usage: portolan supervise\n\nThe process behind a cluster. portolan up starts it and tells it what to do.\n',
  run: () => supervise(new Socket({ fd: FRONT_FD, readable: true, writable: true })),
};
