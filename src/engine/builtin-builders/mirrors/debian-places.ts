import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import type { DownloadAccess } from '../../../store/index.ts';
import { type AptConfig, readAptConfig } from './apt-config.ts';
import { type AptSource, expandUri, readAptSources } from './apt-sources.ts';
import { type MirrorPlace, type MirrorsOptions, placeBelow } from './mirror-place.ts';

/**
 * Where apt would have a file of Debian's archive from: every archive of Debian's that it is told of, in its order, since
 * a file of a security update is in another one. `path` is relative to an archive (`pool/main/h/hello/...`).
 */
export async function debianPlaces(path: string, { variables }: MirrorsOptions): Promise<readonly MirrorPlace[]> {
  const config = await readAptConfig(variables);
  if (config === undefined) return [];
  const file = config.path('Dir::Etc::sourcelist', 'sources.list');
  const folder = config.path('Dir::Etc::sourceparts', 'sources.list.d');
  const lists = config.path('Dir::State::lists', 'lists/');
  const sources = readAptSources(file, folder).filter(source => isDebian(source, lists));
  const uris = new Set(sources.flatMap(({ uri }) => expandUri(uri)).filter(uri => /^(?:https?|file):/.test(uri)));
  return Promise.all(
    Array.from(uris, async uri => {
      const { url } = placeBelow(uri, path);
      return { url, access: await accessTo(url, config, variables) };
    }),
  );
}

/** By what the archive says of itself, where apt has fetched that; else by whose keys are asked for, or by its name. */
function isDebian(source: AptSource, lists: string): boolean {
  for (const suite of source.suites) {
    const origin = originOf(source.uri, suite, lists);
    if (origin !== undefined) return origin === 'Debian';
  }
  if (source.signedBy !== undefined) return /debian-archive/.test(source.signedBy);
  return /\/debian(?:-security|-archive)?\/?$/.test(source.uri);
}

/** apt keeps the release files of archives under their URIs, with slashes as underscores. */
function originOf(uri: string, suite: string, lists: string): string | undefined {
  const name = `${uri.replace(/^[a-z0-9+.-]+:\/*/, '').replace(/\/$/, '')}/dists/${suite}`
    .replaceAll('_', '%5f')
    .replaceAll('/', '_');
  for (const file of [`${name}_InRelease`, `${name}_Release`]) {
    try {
      const head = readFileSync(join(lists, file), 'utf8').slice(0, 8192);
      return /^Origin: *(.*?) *$/m.exec(head)?.[1];
    } catch {
      // Not fetched, or in the other form.
    }
  }
  return undefined;
}

async function accessTo(url: URL, config: AptConfig, variables: MirrorsOptions['variables']): Promise<DownloadAccess> {
  const scheme = url.protocol.slice(0, -1);
  const caFile = scheme === 'https' ? config.get('Acquire::https::CAInfo') : undefined;
  const proxy = await proxyFor(url, config, variables);
  if (proxy === undefined) return { caFile };
  return { caFile, proxies: proxy === 'DIRECT' ? {} : { http_proxy: proxy, https_proxy: proxy } };
}

/** `DIRECT` for none; undefined where apt leaves it to the environment. */
async function proxyFor(
  url: URL,
  config: AptConfig,
  variables: MirrorsOptions['variables'],
): Promise<string | undefined> {
  const schemes = url.protocol === 'https:' ? ['https', 'http'] : ['http'];
  for (const scheme of schemes) {
    const ofHost = config.get(`Acquire::${scheme}::Proxy::${url.hostname}`);
    if (ofHost !== undefined) return ofHost;
    const detector =
      config.get(`Acquire::${scheme}::Proxy-Auto-Detect`) ?? config.get(`Acquire::${scheme}::ProxyAutoDetect`);
    const detected = detector === undefined ? undefined : await detectProxy(detector, url, variables);
    if (detected !== undefined) return detected;
    const proxy = config.get(`Acquire::${scheme}::Proxy`);
    if (proxy !== undefined) return proxy;
  }
  return undefined;
}

async function detectProxy(
  program: string,
  url: URL,
  variables: MirrorsOptions['variables'],
): Promise<string | undefined> {
  try {
    const { stdout } = await promisify(execFile)(program, [url.origin], { env: variables });
    const [first = ''] = stdout.trim().split('\n');
    return first === '' ? undefined : first;
  } catch {
    return undefined;
  }
}
