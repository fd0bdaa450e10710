import type { Pod } from '#api/core/v1.gen.ts';
import type { ApiClient } from '#kube/client.ts';
import { PODS } from '#kube/resources.ts';

/** What cluster DNS said when it last failed; undefined: it has not, or said nothing. */
export async function dnsTrouble(client: ApiClient): Promise<string | undefined> {
  const { items } = await client.list(PODS, { namespace: 'kube-system', labelSelector: 'k8s-app=kube-dns' });
  return lastWords(items);
}

/** The last line of whichever container failed last. */
export function lastWords(pods: readonly Pod[]): string | undefined {
  const ends = pods
    .flatMap(({ status }) => status?.containerStatuses ?? [])
    .flatMap(({ state, lastState }) => [state?.terminated, lastState?.terminated])
    .filter((end) => end !== undefined)
    .filter(({ exitCode, message = '' }) => exitCode !== 0 && message.trim() !== '')
    .toSorted((a, b) => Date.parse(b.finishedAt ?? '') - Date.parse(a.finishedAt ?? ''));
  return ends[0]?.message?.trim().split('\n').at(-1);
}
