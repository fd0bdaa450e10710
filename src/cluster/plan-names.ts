const DOMAIN = 'cluster.local';

/**
 * The full names that somebody may mean, in the order to try them: `web` is a Service of the namespace default,
 * `web.shop` and `web.shop.svc` are completed, and everything is also tried as it stands.
 */
export function candidateNames(host: string): string[] {
  if (host.endsWith('.') || host.endsWith(`.${DOMAIN}`)) return [host];
  const labels = host.split('.').length;
  if (labels === 1) return [`${host}.default.svc.${DOMAIN}`, host];
  if (host.endsWith('.svc')) return [`${host}.${DOMAIN}`, host];
  return labels === 2 ? [`${host}.svc.${DOMAIN}`, host] : [host, `${host}.svc.${DOMAIN}`];
}
