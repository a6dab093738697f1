import { lookup } from 'node:dns/promises';
import { isIP } from 'node:net';
import { join } from 'node:path';
import type { ByteString, Reporter } from '../../../base/index.ts';
import { fetchTree } from '../../../engine/index.ts';
import { GrpcStatus } from '../../../grpc/index.ts';
import type { ReadableSettings } from '../../../nix-compat/index.ts';
import { isNearbyAddress } from '../../../store/index.ts';
import type { AssetSelection } from './asset-request.ts';

export interface GitAssetOptions {
  readonly settings: ReadableSettings;
  readonly cacheFolder: string;
  readonly reporter: Reporter;
  readonly maxSize: number;
  readonly allowsNearby: boolean;
  readonly signal: AbortSignal;
}

/** Whether an asset is a repository's: by its scheme, its name, or what is asked of it. */
export function isGitAsset(uri: string, { commit, branch, resourceType }: AssetSelection): boolean {
  if (uri.startsWith('mirror:')) return false;
  const isNamedSo = /^git\+https?:/.test(uri) || /\.git\/?$/.test(URL.parse(uri)?.pathname ?? '');
  return isNamedSo || commit !== undefined || branch !== undefined || resourceType === 'application/x-git';
}

/**
 * The folder with the tree of a commit: that of `vcs.commit`, else the newest of `vcs.branch` or of the repository's own
 * branch. It is in the cache of fetched trees, where nobody changes it.
 */
export async function fetchGitTree(
  { uri, selection, headers }: { readonly uri: string; readonly selection: AssetSelection; readonly headers: object },
  options: GitAssetOptions,
): Promise<ByteString> {
  const url = URL.parse(uri.replace(/^git\+/, ''));
  if (url === null || (url.protocol !== 'http:' && url.protocol !== 'https:')) {
    throw new GrpcStatus('invalidArgument', `'${uri.slice(0, 300)}': repositories are fetched by http and https alone`);
  }
  const { settings, cacheFolder, reporter, maxSize, allowsNearby, signal } = options;
  const config = [
    ['http.followRedirects', allowsNearby ? 'initial' : 'false'],
    ['credential.helper', ''],
    ...Object.entries(headers).map(([name, value]) => ['http.extraHeader', `${name}: ${value}`]),
    ...(allowsNearby ? [] : await pin(url)),
  ];
  const environment: Record<string, string> = {
    GIT_ALLOW_PROTOCOL: 'http:https',
    GIT_TERMINAL_PROMPT: '0',
    GIT_CONFIG_COUNT: String(config.length),
  };
  for (const [at, [name = '', value = '']] of config.entries()) {
    environment[`GIT_CONFIG_KEY_${at}`] = name;
    environment[`GIT_CONFIG_VALUE_${at}`] = value;
  }
  const { commit, branch } = selection;
  const input = new Map<string, string | boolean>([
    ['type', 'git'],
    ['url', url.href],
    ['shallow', true],
    ...(commit === undefined ? [] : [['rev', commit] as const]),
    ...(branch === undefined ? [] : [['ref', branch] as const]),
  ]);
  const { path } = await fetchTree(input, url.href, {
    cacheFolder,
    signal,
    download: { settings, reporter, signal },
    downloads: () => join(cacheFolder, 'downloads'),
    // What is asked for anew is asked of the repository.
    lifetime: 0,
    git: { environment, maxFileSize: maxSize },
    warn: message => reporter.warn(message),
    requireFeature: feature => {
      throw new TypeError(`'${feature}' is not asked for`);
    },
    onDirty: folder => {
      throw new TypeError(`'${folder}' is a work tree`);
    },
  });
  return path;
}

/** Has git connect to the address that was looked at, whatever the name stands for a moment later. */
async function pin(url: URL): Promise<[name: string, value: string][]> {
  const host = url.hostname.replace(/^\[(.*)\]$/, '$1');
  const addresses = isIP(host) === 0 ? (await lookup(host, { all: true })).map(({ address }) => address) : [host];
  const refused = addresses.find(isNearbyAddress);
  if (refused !== undefined) {
    const message = `'${host}' has the address ${refused}, which is of this machine or its links, where nothing is fetched from`;
    throw new GrpcStatus('permissionDenied', message);
  }
  if (isIP(host) !== 0) return [];
  const port = url.port === '' ? (url.protocol === 'https:' ? 443 : 80) : url.port;
  return [['http.curloptResolve', `${host}:${port}:${addresses.join(',')}`]];
}
