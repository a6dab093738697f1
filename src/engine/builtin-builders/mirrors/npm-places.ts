import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import type { DownloadAccess } from '../../../store/index.ts';
import { type MirrorPlace, type MirrorsOptions, placeBelow } from './mirror-place.ts';
import { findProgram, readNpmConfig } from './npm-config.ts';

/** The registry that npm itself uses where nobody configures one: asked of npm, once for each environment. */
const defaultRegistries = new Map<string, Promise<string | undefined>>();

/**
 * Where npm would have a file of a registry from. `path` is relative to a registry (`NAME/-/NAME-1.0.0.tgz`); one that
 * begins with a scope is had from the registry of that scope.
 */
export async function npmPlaces(path: string, options: MirrorsOptions): Promise<readonly MirrorPlace[]> {
  const config = readNpmConfig(options);
  const [, scope] = /^(@[^/]+)\//.exec(decodeURIComponent(path)) ?? [];
  const scoped = scope === undefined ? undefined : config.get(`${scope}:registry`);
  const registry = scoped ?? config.get('registry') ?? (await defaultRegistry(options));
  if (registry === undefined) return [];
  const { url } = placeBelow(registry, path);
  return [{ url, access: accessTo(url, config) }];
}

function accessTo(url: URL, config: ReadonlyMap<string, string>): DownloadAccess {
  const proxy = config.get('proxy');
  const httpsProxy = config.get('https-proxy') ?? proxy;
  const noProxy = config.get('noproxy');
  const hasProxy = isSet(proxy) || isSet(httpsProxy);
  const certificate = ofRegistry(url, config, 'certfile');
  const key = ofRegistry(url, config, 'keyfile');
  return {
    authorization: authorizationFor(url, config),
    identity: certificate === undefined || key === undefined ? undefined : { certificate, key },
    caFile: config.get('cafile'),
    proxies: hasProxy
      ? {
          ...(isSet(proxy) ? { http_proxy: proxy } : {}),
          ...(isSet(httpsProxy) ? { https_proxy: httpsProxy } : {}),
          ...(noProxy === undefined ? {} : { no_proxy: noProxy }),
        }
      : undefined,
  };
}

function isSet(value: string | undefined): value is string {
  return value !== undefined && value !== '' && value !== 'null' && value !== 'false';
}

function authorizationFor(url: URL, config: ReadonlyMap<string, string>): string | undefined {
  const token = ofRegistry(url, config, '_authToken');
  if (token !== undefined) return `Bearer ${token}`;
  const user = ofRegistry(url, config, 'username');
  const password = ofRegistry(url, config, '_password');
  if (user !== undefined && password !== undefined) {
    const account = `${user}:${Buffer.from(password, 'base64').toString('utf8')}`;
    return `Basic ${Buffer.from(account).toString('base64')}`;
  }
  const encoded = ofRegistry(url, config, '_auth');
  return encoded === undefined ? undefined : `Basic ${encoded}`;
}

/** What is configured for `//host/path/`, the longest path that leads to `url` counting. */
function ofRegistry(url: URL, config: ReadonlyMap<string, string>, key: string): string | undefined {
  const parts = url.pathname.split('/').filter(part => part !== '');
  for (let length = parts.length; length >= 0; length--) {
    const path = parts.slice(0, length).map(part => `${part}/`);
    const place = `//${url.host}/${path.join('')}`;
    const value = config.get(`${place}:${key}`) ?? config.get(`${place.slice(0, -1)}:${key}`);
    if (value !== undefined) return value;
  }
  return undefined;
}

function defaultRegistry({ variables, workingFolder }: MirrorsOptions): Promise<string | undefined> {
  const npm = findProgram('npm', variables);
  if (npm === undefined) return Promise.resolve(undefined);
  let registry = defaultRegistries.get(npm);
  if (registry === undefined) {
    registry = askNpm(npm, variables, workingFolder);
    defaultRegistries.set(npm, registry);
  }
  return registry;
}

async function askNpm(npm: string, variables: MirrorsOptions['variables'], cwd: string): Promise<string | undefined> {
  try {
    const { stdout } = await promisify(execFile)(npm, ['config', 'get', 'registry'], { env: variables, cwd });
    const registry = stdout.trim();
    return URL.canParse(registry) ? registry : undefined;
  } catch {
    return undefined;
  }
}
