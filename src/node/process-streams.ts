/** Standard streams of a process that is about to be spawned: pipes, a terminal or nothing. */
import type { Readable, Writable } from 'node:stream';
import { closeFd } from '#os/fd-ledger.ts';
import { adoptPipe, makePipe, type Pipe } from '#os/pipe.ts';
import { PseudoTerminal } from '#os/terminal.ts';
import type { SessionStreams } from './container-access.ts';

export interface ProcessStreams {
  /** For the child: descriptors 0, 1 and 2. */
  stdio: [number | 'ignore', number | 'ignore', number | 'ignore'];
  stdin: Writable | undefined;
  stdout: Readable | undefined;
  stderr: Readable | undefined;
  resize: (columns: number, rows: number) => void;
  /** The child has its descriptors: ours of its side go. */
  spawned: () => void;
  /** Nothing more is to be read or written. */
  close: () => void;
}

/** Which of descriptors 0 to 2 nobody asked for. */
export function nullStreams({ stdin, stdout, stderr, tty }: SessionStreams): number[] {
  return tty ? [] : [stdin, stdout, stderr].flatMap((wanted, fd) => (wanted ? [] : [fd]));
}

/** Streams as asked for; with a tty one terminal serves all, of the container whose root is given. */
export function openStreams(wanted: SessionStreams, root?: string): ProcessStreams {
  return wanted.tty ? openTerminal(wanted, root) : openPipes(wanted);
}

function openTerminal(wanted: SessionStreams, root: string | undefined): ProcessStreams {
  const terminal = new PseudoTerminal(root);
  const { master } = terminal;
  return {
    stdio: [terminal.terminal, terminal.terminal, terminal.terminal],
    stdin: wanted.stdin ? master : undefined,
    stdout: master,
    stderr: undefined,
    resize: (columns, rows) => terminal.resize(columns, rows),
    spawned: () => terminal.closeTerminal(),
    close: () => terminal[Symbol.dispose](),
  };
}

function openPipes(wanted: SessionStreams): ProcessStreams {
  const pipes: (Pipe | undefined)[] = [wanted.stdin, wanted.stdout, wanted.stderr].map((want) =>
    want ? makePipe() : undefined,
  );
  const [input, output, errors] = pipes;
  const childEnds = [input?.read, output?.write, errors?.write].map((fd) => fd ?? ('ignore' as const));
  const stdin = input && adoptPipe(input.write, 'write');
  const stdout = output && adoptPipe(output.read, 'read');
  const stderr = errors && adoptPipe(errors.read, 'read');
  // The program may be gone before it has read everything.
  stdin?.on('error', () => undefined);
  const [first = 'ignore', second = 'ignore', third = 'ignore'] = childEnds;
  return {
    stdio: [first, second, third],
    stdin,
    stdout,
    stderr,
    resize: () => undefined,
    spawned: () => {
      for (const fd of childEnds) if (typeof fd === 'number') closeFd(fd);
    },
    close: () => {
      for (const stream of [stdin, stdout, stderr]) stream?.destroy();
    },
  };
}
