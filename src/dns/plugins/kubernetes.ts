import { accessSync, constants } from 'node:fs';
import { isAbsolute, join } from 'node:path';
import { parseLabelSelector } from '#api/machinery/label-selector.ts';
import {
  choice,
  durationMs,
  fail,
  integer,
  knownOption,
  noArgs,
  onlyArg,
  onlyOnce,
  zonesArg,
} from '#dns/corefile/arguments.ts';
import type { Directive } from '#dns/corefile/parse.ts';
import type { ClusterAccess, KubernetesConfig } from '#dns/kubernetes-config.ts';
import { setUpKubernetes } from '#dns/kubernetes-plugin.ts';
import { checkPemFiles } from '#dns/pem-files.ts';
import type { ParseScope, Plugin } from '#dns/plugin.ts';
import { ROOT } from '#dns/zone.ts';

type Draft = { -readonly [K in keyof Omit<KubernetesConfig, 'access'>]: KubernetesConfig[K] } & {
  access: { -readonly [K in keyof ClusterAccess]: ClusterAccess[K] };
};
type OptionReader = (draft: Draft, option: Directive, scope: ParseScope) => void;

const OPTIONS: Readonly<Record<string, OptionReader>> = {
  endpoint(draft, option) {
    const [url] = option.args;
    if (url === undefined) fail(option, 'takes the URL of the API server');
    draft.access.endpoint = /^https?:/.test(url) ? url : `http://${url}`;
  },
  tls(draft, option, { root }) {
    const [cert, key, ca] = option.args.map((file) => (isAbsolute(file) ? file : join(root, file)));
    if (cert === undefined || key === undefined || ca === undefined || option.args.length !== 3)
      fail(option, 'takes three files: certificate, key and CA');
    try {
      checkPemFiles({ certificate: cert, key, ca });
    } catch (error) {
      fail(option, (error as Error).message);
    }
    draft.access.tls = { cert, key, ca };
  },
  kubeconfig(draft, option, { root }) {
    const [file, context, ...more] = option.args;
    if (file === undefined || more.length > 0) fail(option, 'takes a file and, if wanted, a context');
    const path = isAbsolute(file) ? file : join(root, file);
    requireReadable(option, path);
    draft.access.kubeconfig = path;
    draft.access.context = context;
  },
  namespaces(draft, option) {
    if (option.args.length === 0) fail(option, 'takes namespaces');
    draft.namespaces = new Set([...draft.namespaces, ...option.args]);
  },
  namespace_labels(draft, option) {
    draft.namespaceLabels = selectorArg(option);
  },
  labels(draft, option) {
    draft.labels = selectorArg(option);
  },
  pods(draft, option) {
    draft.pods = choice(option, onlyArg(option, 'a mode'), ['disabled', 'insecure', 'verified']);
  },
  endpoint_pod_names(draft, option) {
    noArgs(option);
    draft.endpointPodNames = true;
  },
  ttl(draft, option) {
    draft.ttl = integer(option, onlyArg(option, 'seconds'), 0, 3600);
  },
  noendpoints(draft, option) {
    noArgs(option);
    draft.endpoints = false;
  },
  fallthrough(draft, option) {
    draft.fallthrough = zonesArg(option, option.args, [ROOT]);
  },
  ignore(draft, option) {
    choice(option, onlyArg(option, 'empty_service'), ['empty_service']);
    draft.ignoreEmpty = true;
  },
  multicluster(draft, option) {
    if (option.args.length === 0) fail(option, 'takes zones');
    draft.multicluster = zonesArg(option, option.args, []);
  },
  zonal(draft, option) {
    noArgs(option);
    draft.zonal = true;
  },
  startup_timeout(draft, option) {
    draft.startupTimeoutMs = durationMs(option, onlyArg(option, 'a duration'));
  },
  // One list and one stream per kind are all that is ever asked at once: there is nothing to limit.
  apiserver_qps: limitArg,
  apiserver_burst: countArg,
  apiserver_max_inflight: countArg,
};

/** `kubernetes`: the names of a cluster's Services, endpoints and pods, from its API server. */
export const kubernetes: Plugin = {
  name: 'kubernetes',
  parse(directives, scope) {
    const directive = onlyOnce(directives);
    const config = parseKubernetes(directive, scope);
    return {
      explain: explain(config),
      setup: (context) =>
        setUpKubernetes(config, context).catch((error: Error) => fail(directive, error.message)),
    };
  },
};

function parseKubernetes(directive: Directive, scope: ParseScope): KubernetesConfig {
  const blockZones = scope.keys.map(({ zone }) => zone);
  const draft: Draft = {
    zones: zonesArg(directive, directive.args, blockZones),
    fallthrough: [],
    pods: 'disabled',
    ttl: 5,
    endpointPodNames: false,
    endpoints: true,
    ignoreEmpty: false,
    zonal: false,
    multicluster: [],
    externals: scope.plugins.has('k8s_external'),
    namespaces: new Set(),
    namespaceLabels: undefined,
    labels: undefined,
    startupTimeoutMs: 5000,
    access: {},
  };
  for (const option of directive.block ?? []) {
    const read = knownOption('kubernetes', option, OPTIONS);
    read(draft, option, scope);
  }
  if (draft.zones.every(({ labels }) => labels.at(-1) === 'arpa'))
    fail(directive, 'needs a zone that is not one of reverse names: PTR records point into it');
  if (draft.namespaces.size > 0 && draft.namespaceLabels !== undefined)
    fail(directive, 'namespaces and namespace_labels exclude each other');
  if (draft.zonal && !draft.endpoints) fail(directive, 'zonal needs endpoints: it excludes noendpoints');
  const own = new Set(draft.zones.map(({ key }) => key));
  for (const zone of draft.multicluster) {
    if (!own.has(zone.key)) fail(directive, `${zone.text} of multicluster is not one of its zones`);
  }
  return draft;
}

function explain({ zones, pods, ttl, fallthrough, access, ...more }: KubernetesConfig): string[] {
  const where = access.endpoint ?? access.kubeconfig ?? 'of --kubeconfig, else of the pod it runs in';
  return [
    `answers for ${zones.map(({ text }) => text).join(', ')} from the API server ${where}, with a TTL of ${ttl} s`,
    {
      disabled: 'pods have no names',
      insecure: 'pod names echo their address',
      verified: 'pod names exist for pods there are',
    }[pods],
    ...(fallthrough.length > 0
      ? [
          `hands unknown names of ${fallthrough.map(({ text }) => text).join(', ')} on to the plugins behind it`,
        ]
      : ['unknown names of its zones do not exist, whatever is behind it']),
    ...(more.namespaces.size > 0 ? [`only the namespaces ${[...more.namespaces].join(', ')}`] : []),
    ...(more.endpoints ? [] : ['endpoints have no names, headless Services do not exist']),
  ];
}

function selectorArg(option: Directive): string {
  const text = option.args.join(' ');
  // As in CoreDNS, which reads these selectors by rules of its own.
  if (text === '' || text.includes('!='))
    fail(option, `${JSON.stringify(text)} is no label selector such as a=b, a in (b, c) or a notin (b)`);
  try {
    parseLabelSelector(text);
  } catch (error) {
    fail(option, (error as Error).message);
  }
  return text;
}

function requireReadable(option: Directive, file: string): void {
  try {
    accessSync(file, constants.R_OK);
  } catch (error) {
    fail(option, `${file} cannot be read (${(error as NodeJS.ErrnoException).code})`);
  }
}

function countArg(_: Draft, option: Directive): void {
  integer(option, onlyArg(option, 'a number'), 0, Number.MAX_SAFE_INTEGER);
}

function limitArg(_: Draft, option: Directive): void {
  const text = onlyArg(option, 'a number');
  if (!(Number(text) >= 0)) fail(option, `${JSON.stringify(text)} is no number`);
}
