import type { OpenStoreContext } from '../open-store.ts';
import type { Variables } from './http/http-routes.ts';
import { HttpClient } from './http/http-client.ts';

/** By the settings that they were made with, and by how they reach servers. */
const clients = new WeakMap<object, Map<string, HttpClient>>();

export interface ClientContext extends Pick<OpenStoreContext, 'settings' | 'reporter'> {
  /** Where servers are reached otherwise than settings and environment say. */
  readonly access?:
    | {
        readonly proxies?: Variables | undefined;
        readonly caFile?: string | undefined;
        readonly isDistant?: boolean | undefined;
      }
    | undefined;
}

/** The client of all who have these settings and reach servers in this way: limits count for all of them together. */
export function sharedHttpClient({ settings, reporter, access = {} }: ClientContext): HttpClient {
  const { proxies = process.env, caFile = settings.get('ssl-cert-file') } = access;
  const key = JSON.stringify([access.proxies, caFile, access.isDistant]);
  const known = clients.get(settings)?.get(key);
  if (known !== undefined) return known;
  const suffix = settings.get('user-agent-suffix');
  const client = new HttpClient({
    connections: Number(settings.get('http-connections')),
    connectTimeout: Number(settings.get('connect-timeout')),
    stallTimeout: Number(settings.get('stalled-download-timeout')),
    attempts: Math.max(settings.get('download-attempts'), 1),
    maxSpeed: settings.get('download-speed') * 1024,
    // Servers tell by this what a client understands: that is what these do.
    userAgent: `curl/8.23.0 Nix/2.34.8 Firn${suffix === '' ? '' : ` ${suffix}`}`,
    netrcFile: settings.get('netrc-file'),
    caFile,
    isDistant: access.isDistant,
    variables: proxies,
    reporter,
  });
  const ofSettings = clients.get(settings) ?? new Map<string, HttpClient>();
  clients.set(settings, ofSettings.set(key, client));
  return client;
}
