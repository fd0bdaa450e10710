import type { ListenAddress } from '#dns/config.ts';
import { MetricRegistry } from '#dns/metric-registry.ts';
import { serveStatus } from '#dns/serve-status.ts';
import { Nftables, type NftablesClient } from '#kernel/nftables.ts';
import { Rtnetlink } from '#kernel/rtnetlink.ts';
import type { RtnetlinkClient } from '#kernel/rtnetlink-client.ts';
import { NodeNetwork, NodeNetworkError } from './node-network.ts';
import type { UntrackedPorts } from './notrack-rules.ts';

export interface NodeNetworkConfig extends UntrackedPorts {
  /** Undefined: none is made; the addresses are on the node already. */
  readonly interfaceName: string | undefined;
  /** Whether queries are kept out of connection tracking. */
  readonly notrack: boolean;
  /** How often it is made sure that all is still in place. */
  readonly syncIntervalMs: number;
  /** Everything stays as it is at the end. */
  readonly skipTeardown: boolean;
  /** Where errors are counted; undefined: nowhere. */
  readonly metrics: ListenAddress | undefined;
  readonly log: (message: string) => void;
}

/** Those of NodeLocal DNSCache that can happen here. */
const ERROR_TYPES = ['iptables', 'interface_add', 'interface_check', 'configmap'] as const;
export type SetupErrorType = (typeof ERROR_TYPES)[number];

/**
 * The node's network as the cache needs it. The interface is there first, the rules only while queries are answered:
 * until then, and from when it is told to stop, those to a Service's address go where the service proxy sends them.
 */
export class KeptNodeNetwork implements AsyncDisposable {
  readonly #config: NodeNetworkConfig;
  readonly #network: NodeNetwork;
  readonly #stack = new AsyncDisposableStack();
  readonly #errors = new MetricRegistry();
  #rtnetlink: RtnetlinkClient | undefined;
  #nftables: NftablesClient | undefined;
  #timer: NodeJS.Timeout | undefined;
  /** The interface is ours to remove. */
  #hasInterface = false;

  private constructor(config: NodeNetworkConfig) {
    this.#config = config;
    this.#network = new NodeNetwork(config, { owned: !config.skipTeardown });
  }

  /** Puts the addresses in place. Throws a `NodeNetworkError`, or when the page of metrics cannot be served. */
  static async open(config: NodeNetworkConfig): Promise<KeptNodeNetwork> {
    const { interfaceName, notrack, metrics, log } = config;
    const network = new KeptNodeNetwork(config);
    for (const type of ERROR_TYPES) network.#counter(type);
    try {
      if (metrics !== undefined) await network.#serveMetrics(metrics);
      if (interfaceName !== undefined) network.#rtnetlink = network.#stack.use(Rtnetlink.open());
      if (notrack) network.#openNftables();
      const kind = network.#addInterface();
      if (kind !== undefined) log(`interface ${interfaceName} is there (${kind})`);
      return network;
    } catch (error) {
      await network[Symbol.asyncDispose]();
      throw error;
    }
  }

  /** Queries are answered from now on. Throws a `NodeNetworkError`. */
  begin(): void {
    this.#setRules(false);
    this.#setRules(true);
    this.#timer = setInterval(() => this.#sync(), this.#config.syncIntervalMs);
  }

  /** Queries to a Service's address are for the service proxy again; those under way can be answered. */
  end(): void {
    clearInterval(this.#timer);
    this.#timer = undefined;
    if (!this.#config.skipTeardown) this.#tell('iptables', () => this.#setRules(false));
  }

  countError(type: SetupErrorType): void {
    this.#counter(type).value++;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    clearInterval(this.#timer);
    const { interfaceName, skipTeardown } = this.#config;
    const [rtnetlink, nftables] = [this.#rtnetlink, this.#nftables];
    if (!skipTeardown && nftables !== undefined)
      this.#tell('iptables', () => this.#network.removeRules(nftables));
    if (!skipTeardown && this.#hasInterface && rtnetlink !== undefined && interfaceName !== undefined)
      this.#tell('interface_check', () => this.#network.removeInterface(interfaceName, rtnetlink));
    await this.#stack.disposeAsync();
  }

  /** Somebody may have emptied the ruleset, or deleted the interface. */
  #sync(): void {
    this.#tell('interface_add', () => this.#addInterface());
    const nftables = this.#nftables;
    if (nftables !== undefined) this.#tell('iptables', () => this.#network.keepRules(nftables));
  }

  /** Rules of one that was killed would keep queries from the service proxy while nobody answers them here. */
  #openNftables(): void {
    const nftables = this.#stack.use(Nftables.open());
    this.#network.removeRules(nftables);
    this.#nftables = nftables;
  }

  #addInterface(): string | undefined {
    const { interfaceName } = this.#config;
    if (interfaceName === undefined || this.#rtnetlink === undefined) return undefined;
    this.#hasInterface = true;
    return this.#network.addInterface(interfaceName, this.#rtnetlink);
  }

  #setRules(queries: boolean): void {
    if (this.#nftables !== undefined) this.#network.setRules(this.#nftables, queries);
  }

  #tell(type: SetupErrorType, run: () => void): void {
    try {
      run();
    } catch (error) {
      this.countError(type);
      this.#config.log((error as Error).message);
    }
  }

  #counter(type: SetupErrorType): { value: number } {
    const help = 'Errors of putting the node network of the cache in place.';
    return this.#errors.counter('coredns_nodecache_setup_errors_total', help, ['errortype']).with(type);
  }

  async #serveMetrics(listen: ListenAddress): Promise<void> {
    const page = (path: string) =>
      path === '/metrics' ? { status: 200, body: this.#errors.text() } : undefined;
    try {
      this.#stack.use(await serveStatus(listen, page));
    } catch (error) {
      throw new NodeNetworkError(`--metrics-listen-address: ${(error as Error).message}`, { cause: error });
    }
  }
}
