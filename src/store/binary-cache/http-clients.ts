import type { OpenStoreContext } from '../open-store.ts';
import { HttpClient } from './http/http-client.ts';

/** By the settings that they were made with. */
const clients = new WeakMap<object, HttpClient>();

/** The client of all stores that are opened with these settings: limits count for all of them together. */
export function sharedHttpClient({ settings, reporter }: Pick<OpenStoreContext, 'settings' | 'reporter'>): HttpClient {
  const known = clients.get(settings);
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
    caFile: settings.get('ssl-cert-file'),
    variables: process.env,
    reporter,
  });
  clients.set(settings, client);
  return client;
}
