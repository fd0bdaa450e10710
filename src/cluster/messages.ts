import type { ClientConfig } from '#kube/client.ts';
import type { ApplyItem } from './apply-objects.ts';
import type { NodeCertificates } from './pki.ts';
import type { FamilyPlan, NodePlan } from './plan-addresses.ts';
import type { FabricHost } from './plan-fabric.ts';
import type { PublishedPort } from './status.ts';
import type { ThreadCalls } from './thread-side.ts';

/** Threads that live in a network namespace of their own tell its descriptor, for the fabric to join it. */
export type NamespaceCalls = ThreadCalls & {
  openNamespace(input: undefined): number;
};

// ---- fabric

export type FabricCalls = ThreadCalls & {
  start(input: FabricStart): FabricSockets;
  attach(input: { readonly host: FabricHost; readonly netns: number }): void;
  detach(input: { readonly name: string }): void;
  /** A UDP socket of the fabric that answers in the name of an address outside. */
  bindForeignUdp(input: { readonly address: string; readonly port: number }): number;
  /** Publishes node ports, and serves the proxy on a listening socket of the host. */
  publish(input: PublishStart): void;
  /** Tells which namespace a node now has, for names and Services asked through the proxy. */
  setNodeNamespaces(input: { readonly nodes: readonly { name: string; netns: number }[] }): void;
  namespaces(input: undefined): { readonly outside: number; readonly fabric: number };
};

export interface FabricStart {
  readonly families: readonly FamilyPlan[];
  readonly egress: boolean;
}

/** Sockets of the fabric that the supervisor's thread serves, as that one is in the host's namespace. */
export interface FabricSockets {
  readonly egressTcp: readonly FamilySocket[];
  readonly egressUdp: readonly FamilySocket[];
  readonly dnsTcp: readonly FamilySocket[];
  readonly dnsUdp: readonly FamilySocket[];
}

export interface FamilySocket {
  readonly fd: number;
  readonly family: 4 | 6;
}

export interface PublishStart {
  readonly client: ClientConfig;
  readonly nodes: readonly NodePlan[];
  readonly clusterDns: readonly string[];
  /** Listening socket of the host. */
  readonly proxyFd: number;
}

/** What the fabric's thread asks of the supervisor's. */
export type HostCalls = {
  /** A socket on the host's loopback; its descriptor, or the error's code. */
  openHostSocket(input: HostSocketRequest): { readonly fd: number } | { readonly code: string };
  published(input: { readonly ports: readonly PublishedPort[] }): void;
};

export interface HostSocketRequest {
  readonly protocol: 'TCP' | 'UDP';
  readonly address: string;
  readonly port: number;
}

// ---- API server

export type ApiserverCalls = NamespaceCalls & {
  start(input: ApiserverStart): void;
};

export interface ApiserverStart {
  readonly database: string;
  /** Listening socket of the host. */
  readonly hostFd: number;
  readonly families: readonly FamilyPlan[];
  readonly port: number;
  readonly tls: { readonly cert: string; readonly key: string };
  readonly clientCa: string;
  readonly serviceAccountKey: string;
  readonly nodeClient: { readonly cert: string; readonly key: string; readonly ca: string };
}

// ---- controllers

export type ControllersCalls = ThreadCalls & {
  start(input: ControllersStart): void;
  /** Creates the objects, or brings those that are there up to date; resolves when all are stored. */
  apply(input: { readonly items: readonly ApplyItem[] }): void;
  /** Deletes the objects that are there; resolves when all are marked. */
  remove(input: { readonly items: readonly ApplyItem[] }): void;
  /** Removes Node objects that are not among these. */
  keepNodes(input: { readonly names: readonly string[] }): void;
  /** Resolves when all of these are Ready. */
  nodesReady(input: { readonly names: readonly string[] }): void;
  /** What cluster DNS said when it last failed. */
  dnsTrouble(input: undefined): string | undefined;
};

export interface ControllersStart {
  readonly controllers: ClientConfig;
  readonly admin: ClientConfig;
  readonly families: readonly FamilyPlan[];
  readonly caCertificate: string;
}

// ---- node

export type NodeCalls = NamespaceCalls & {
  start(input: NodeStart): void;
  /** Whether the cluster's DNS answers this node's question for a name. */
  resolves(input: {
    readonly name: string;
    readonly servers: readonly string[];
    readonly timeoutMs: number;
  }): boolean;
  /** Descriptors of a pod's namespaces; undefined when it is not on this node. */
  podNamespaces(input: {
    readonly namespace: string;
    readonly name: string;
  }): { readonly net: number; readonly uts: number; readonly ipc: number } | undefined;
};

export interface NodeStart {
  readonly node: NodePlan;
  readonly families: readonly FamilyPlan[];
  /** Addresses of the node's own DNS cache, which pods ask; empty: they ask the cluster's. */
  readonly nodeLocalDns: readonly string[];
  readonly apiServer: string;
  readonly caCertificate: string;
  readonly certificates: NodeCertificates;
  readonly proxyClient: ClientConfig;
  readonly dataDir: string;
  readonly imagesDir: string;
}
