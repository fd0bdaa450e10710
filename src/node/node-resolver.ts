/** The node's own resolver configuration: what pods with dnsPolicy Default get, and whose search the others inherit. */
import { readFileSync } from 'node:fs';
import {
  findResolvConfExcess,
  parseResolvConf,
  type ResolvConf,
  ResolvConfError,
} from './plan-resolv-conf.ts';

/** Kubelet's default of `resolvConf`. */
export const RESOLV_CONF = '/etc/resolv.conf';

/** As the file is now; undefined for the path '', which turns look-ups off. Throws ResolvConfError. */
export function readNodeResolver(path: string): ResolvConf | undefined {
  if (path === '') return undefined;
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch (cause) {
    throw new ResolvConfError(`the node's resolv.conf cannot be read: ${(cause as Error).message}`, {
      cause,
    });
  }
  return parseResolvConf(text);
}

/** What the event CheckLimitsForResolvConf of a starting node says; undefined when all is well. */
export function checkNodeResolver(path: string, clusterDomain: string): string | undefined {
  try {
    const conf = readNodeResolver(path);
    return conf && findResolvConfExcess(path, conf, clusterDomain);
  } catch (error) {
    return (error as Error).message;
  }
}
