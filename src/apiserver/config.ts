import type { Socket } from 'node:net';
import type { User } from '#apiserver/auth/types.ts';

/** A listening socket that exists already (made inside a namespace by another thread), or an address to listen on. */
export type Listener =
  | { readonly fd: number }
  | { readonly host?: string | undefined; readonly port: number };

/** Opens a TCP connection to a node, pod or Service address. */
export type Dial = (address: string, port: number) => Promise<Socket>;

export interface ApiServerConfig {
  /** Path of the SQLite file, or `memory`. */
  readonly storage: string;
  readonly listeners: readonly Listener[];
  /** PEM: certificate (chain) and key of the server. */
  readonly tls: { readonly cert: string; readonly key: string };
  /** PEM: who signs client certificates. */
  readonly clientCa: string;
  /** Signs and checks service account tokens. */
  readonly serviceAccount: {
    /** PEM private key (RSA or EC P-256). */
    readonly key: string;
    /** Default `https://kubernetes.default.svc.cluster.local`. */
    readonly issuer?: string | undefined;
  };
  /** Certificate with which the server shows itself to nodes (PEM); none: connections to nodes carry no certificate. */
  readonly nodeClient?: { readonly cert: string; readonly key: string; readonly ca: string } | undefined;
  /** Bearer tokens that are good without further check: token -> user (tests, replays). */
  readonly staticTokens?: ReadonlyMap<string, User> | undefined;
  /** One or two CIDRs of service addresses; the first one's family is the primary. Default `10.96.0.0/16`. */
  readonly serviceRanges?: readonly string[] | undefined;
  /** Inclusive. Default 30000 to 32767. */
  readonly nodePortRange?: { readonly from: number; readonly to: number } | undefined;
  /** Addresses and port behind the `kubernetes` Service; none: its endpoints are not written. */
  readonly advertise?: { readonly addresses: readonly string[]; readonly port: number } | undefined;
  /** Admission plug-ins to leave out. */
  readonly disableAdmission?: readonly AdmissionPlugin[] | undefined;
  /** Default RBAC. */
  readonly authorizationMode?: 'RBAC' | 'AlwaysAllow' | undefined;
  /** How the server reaches nodes, pods and Services. Default: a plain connection. */
  readonly dial?: Dial | undefined;
  /** Kinds that no component of this cluster acts on: creating one gets a Warning header. `group/Kind`. Default: none. */
  readonly inertKinds?: ReadonlySet<string> | undefined;
  /** Stops the server when aborted. */
  readonly signal?: AbortSignal | undefined;
}

export type AdmissionPlugin =
  | 'ServiceAccount'
  | 'Priority'
  | 'DefaultTolerationSeconds'
  | 'TaintNodesByCondition'
  | 'DefaultIngressClass';

/** A running API server. */
export interface ApiServer extends AsyncDisposable {
  /** Addresses of the listeners, in the order of the configuration. */
  readonly addresses: readonly { readonly host: string; readonly port: number }[];
  /** Stops listening, ends watches, writes what is pending, closes the storage. */
  close(): Promise<void>;
}
