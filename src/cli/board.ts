import { styleText } from 'node:util';
import type { KubeObject } from '#api/machinery/object.ts';
import type { ClusterStatus } from '#cluster/status.ts';
import { ApiClient } from '#kube/client.ts';
import { type Informer, startInformer } from '#kube/informer.ts';
import { loadKubeconfig } from '#kube/kubeconfig.ts';
import type { Resource } from '#kube/resources.ts';
import { NODES, PODS, SERVICES } from '#kube/resources.ts';
import { type BoardLine, type BoardModel, boardSummary, planBoard } from './plan-board.ts';
import { planFrame } from './plan-frame.ts';

/** Changes within this time are drawn together. */
const DRAW_AFTER_MS = 100;
const TONES = { title: 'bold', faint: 'dim', bad: 'red' } as const;

/** The board of a cluster that is up: on a terminal drawn anew with each change, elsewhere a line for each. */
export interface Board extends Disposable {
  setStatus(status: ClusterStatus): void;
}

/** Follows the cluster as any client does, until disposed; what was drawn last stays. */
export async function startBoard(first: ClusterStatus, stream: NodeJS.WriteStream): Promise<Board> {
  const stop = new AbortController();
  const client = new ApiClient(await loadKubeconfig({ path: first.kubeconfig }));
  const drawing = stream.isTTY ? new TerminalDrawing(stream) : new PlainDrawing(stream);
  let status = first;
  let timer: NodeJS.Timeout | undefined;
  const change = (): void => {
    timer ??= setTimeout(draw, DRAW_AFTER_MS);
  };
  const follow = <T extends KubeObject>(resource: Resource<T>): Informer<T> => {
    const informer = startInformer(client, resource, { signal: stop.signal });
    informer.onChange({ onAdd: change, onUpdate: change, onDelete: change });
    informer.synced.catch(() => undefined);
    return informer;
  };
  const nodes = follow(NODES);
  const pods = follow(PODS);
  const services = follow(SERVICES);
  const draw = (): void => {
    timer = undefined;
    if (!nodes.hasSynced || !pods.hasSynced || !services.hasSynced) return change();
    drawing.draw({
      status,
      nodes: nodes.store.list(),
      pods: pods.store.list(),
      services: services.store.list(),
    });
  };
  stream.on('resize', change);
  change();
  return {
    setStatus(next) {
      status = next;
      change();
    },
    [Symbol.dispose]() {
      stop.abort();
      clearTimeout(timer);
      stream.off('resize', change);
      client[Symbol.dispose]();
    },
  };
}

class TerminalDrawing {
  readonly #stream: NodeJS.WriteStream;
  #last: readonly string[] = [];

  constructor(stream: NodeJS.WriteStream) {
    this.#stream = stream;
  }

  draw(model: BoardModel): void {
    const { columns, rows } = this.#stream;
    const lines = planBoard(model, { columns, rows }).map((line) => this.#styled(line));
    this.#stream.write(planFrame(this.#last, lines));
    this.#last = lines;
  }

  #styled({ text, tone }: BoardLine): string {
    return tone === undefined || text === '' ? text : styleText(TONES[tone], text, { stream: this.#stream });
  }
}

class PlainDrawing {
  readonly #stream: NodeJS.WriteStream;
  #last = '';
  #trouble: string | undefined;

  constructor(stream: NodeJS.WriteStream) {
    this.#stream = stream;
  }

  draw(model: BoardModel): void {
    const { trouble } = model.status;
    if (trouble !== undefined && trouble.at !== this.#trouble) {
      this.#trouble = trouble.at;
      this.#stream.write(`${trouble.part}: ${trouble.line}\n`);
    }
    const line = boardSummary(model);
    if (line !== this.#last) this.#stream.write(`${line}\n`);
    this.#last = line;
  }
}
