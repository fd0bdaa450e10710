import type { Transaction } from '#kernel/nftables.ts';
import type { ServiceProxyConfig } from './config.ts';
import type { ServicePlan } from './forwarding-model.ts';
import { planRuleset } from './nftables-ruleset.ts';
import { planService } from './plan-service.ts';
import { settingsOf } from './serviceproxy.ts';
import { watchServices } from './watch-services.ts';

/** The rules for the cluster as it is now, as the one transaction that would make them. Touches no kernel. */
export async function dryRun(config: ServiceProxyConfig): Promise<Transaction> {
  const { client, nodeName, log = () => {} } = config;
  const stop = new AbortController();
  try {
    const watch = watchServices(client, nodeName, {
      signal: AbortSignal.any([config.signal, stop.signal]),
      onError: (error) => log(error.message),
      onService: () => {},
      onTopology: () => {},
    });
    await watch.synced;
    const services = new Map<string, ServicePlan>();
    for (const service of watch.services.store.values()) {
      const key = `${service.metadata?.namespace}/${service.metadata?.name}`;
      const plan = planService(service, watch.slicesOf(key), watch.topology());
      if (plan !== undefined) services.set(key, plan);
    }
    return planRuleset({ settings: await settingsOf(config), services });
  } finally {
    stop.abort(new Error('the dry run is over'));
  }
}
