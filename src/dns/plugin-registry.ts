import { didYouMean } from './corefile/arguments.ts';
import { CorefileError } from './corefile/error.ts';
import type { Directive } from './corefile/parse.ts';
import type { Plugin } from './plugin.ts';
import { PLUGIN_ORDER } from './plugin-order.ts';
import { acl } from './plugins/acl.ts';
import { any } from './plugins/any.ts';
import { autopath } from './plugins/autopath.ts';
import { bind } from './plugins/bind.ts';
import { bufsize } from './plugins/bufsize.ts';
import { cache } from './plugins/cache/cache.ts';
import { cancel } from './plugins/cancel.ts';
import { chaos } from './plugins/chaos.ts';
import { debug } from './plugins/debug.ts';
import { dns64 } from './plugins/dns64.ts';
import { erratic } from './plugins/erratic.ts';
import { errors } from './plugins/errors.ts';
import { auto } from './plugins/file/auto.ts';
import { file } from './plugins/file/file.ts';
import { forward } from './plugins/forward/forward.ts';
import { header } from './plugins/header.ts';
import { health } from './plugins/health.ts';
import { hosts } from './plugins/hosts/hosts.ts';
import { k8sExternal } from './plugins/k8s-external/k8s-external.ts';
import { kubernetes } from './plugins/kubernetes.ts';
import { loadbalance } from './plugins/loadbalance/loadbalance.ts';
import { local } from './plugins/local.ts';
import { log } from './plugins/log.ts';
import { loop } from './plugins/loop.ts';
import { metadata } from './plugins/metadata.ts';
import { minimal } from './plugins/minimal.ts';
import { multisocket } from './plugins/multisocket.ts';
import { nsid } from './plugins/nsid.ts';
import { prometheus } from './plugins/prometheus.ts';
import { ready } from './plugins/ready.ts';
import { reload } from './plugins/reload.ts';
import { rewrite } from './plugins/rewrite/rewrite.ts';
import { root } from './plugins/root.ts';
import { template } from './plugins/template/template.ts';
import { timeouts } from './plugins/timeouts.ts';
import { tls } from './plugins/tls.ts';
import { transfer } from './plugins/transfer/transfer.ts';
import { view } from './plugins/view/view.ts';
import { whoami } from './plugins/whoami.ts';

/** All plugins there are. */
const PLUGINS: readonly Plugin[] = [
  acl,
  any,
  autopath,
  bind,
  bufsize,
  cache,
  cancel,
  chaos,
  erratic,
  errors,
  forward,
  header,
  health,
  hosts,
  k8sExternal,
  kubernetes,
  local,
  log,
  metadata,
  minimal,
  multisocket,
  nsid,
  prometheus,
  ready,
  reload,
  tls,
  transfer,
  rewrite,
  template,
  loadbalance,
  dns64,
  root,
  timeouts,
  debug,
  loop,
  view,
  file,
  auto,
  whoami,
];

const BY_NAME: ReadonlyMap<string, Plugin> = new Map(PLUGINS.map((plugin) => [plugin.name, plugin]));
const ORDER: readonly string[] = PLUGIN_ORDER;

/** A plugin with all its directives in one server block. */
export interface UsedPlugin {
  readonly plugin: Plugin;
  readonly directives: readonly Directive[];
}

/** The plugins of a server block in the order in which they answer. Throws `CorefileError` for unknown ones. */
export function usedPlugins(directives: readonly Directive[]): UsedPlugin[] {
  for (const { name, where } of directives) {
    if (!BY_NAME.has(name)) throw new CorefileError(where, unknownPlugin(name));
  }
  return ORDER.flatMap((name) => {
    const plugin = BY_NAME.get(name);
    const own = directives.filter((directive) => directive.name === name);
    return plugin === undefined || own.length === 0 ? [] : [{ plugin, directives: own }];
  });
}

function unknownPlugin(name: string): string {
  const known = [...BY_NAME.keys(), 'import'].toSorted().join(', ');
  return ORDER.includes(name)
    ? `the plugin ${name} is CoreDNS's, but not one of Portolan's, which are ${known}`
    : `there is no plugin ${JSON.stringify(name)}${didYouMean(name, BY_NAME.keys())}; there are ${known}`;
}
