import { ResponseCode } from '#wire/dns.ts';
import { respondEmpty } from '#wire/dns-answer.ts';
import type { ListenAddress } from './config.ts';
import type { Answerer, DnsHandler, DnsReply, DnsRequest } from './handler.ts';
import { Upstream } from './upstream.ts';

/** As kubeadm's Corefile has it: more at once means that nobody answers upstream. */
const MAX_CONCURRENT = 1000;
/** A server that failed is asked last for so long. */
const AVOID_MS = 10_000;

/** Asks the upstream servers in order, those that failed lately last. Uses the client's transport. */
export class ForwardHandler implements DnsHandler, Disposable {
  readonly name = 'forward';
  readonly #upstreams: readonly Upstream[];
  readonly #failedAt = new Map<Upstream, number>();
  #concurrent = 0;

  constructor(upstreams: readonly ListenAddress[]) {
    this.#upstreams = upstreams.map((address) => new Upstream(address));
  }

  handle(request: DnsRequest, next: Answerer): DnsReply {
    if (this.#upstreams.length === 0) return next(request);
    const { query } = request;
    if (this.#concurrent >= MAX_CONCURRENT) {
      return respondEmpty(query.message, query.questionEnd, ResponseCode.REFUSED, query.edns);
    }
    this.#concurrent++;
    return this.#forward(request).finally(() => {
      this.#concurrent--;
    });
  }

  async #forward({ query, client: { transport } }: DnsRequest): Promise<Buffer> {
    for (const upstream of this.#inOrder()) {
      try {
        const { message, questionEnd } = query;
        const exchange =
          transport === 'tcp' ? upstream.exchangeTcp(message) : upstream.exchangeUdp(message, questionEnd);
        const response = await exchange;
        this.#failedAt.delete(upstream);
        return response;
      } catch {
        this.#failedAt.set(upstream, Date.now());
      }
    }
    return respondEmpty(query.message, query.questionEnd, ResponseCode.SERVFAIL, query.edns);
  }

  #inOrder(): Upstream[] {
    const now = Date.now();
    const avoided = (upstream: Upstream): number =>
      now - (this.#failedAt.get(upstream) ?? 0) < AVOID_MS ? 1 : 0;
    return this.#upstreams.toSorted((a, b) => avoided(a) - avoided(b));
  }

  [Symbol.dispose](): void {
    for (const upstream of this.#upstreams) upstream[Symbol.dispose]();
  }
}
