import { chmodSync, createWriteStream } from 'node:fs';
import { pipeline } from 'node:stream/promises';
import { byteStringFromText, displayBytes, messageOf } from '../../base/index.ts';
import { TreeRestorer, removeTree } from '../../castore/index.ts';
import { NarReader, type NixHash, encodeBase16 } from '../../nix-compat/index.ts';
import { decompress, openDownload } from '../../store/index.ts';
import { EngineError } from '../error.ts';
import type { BuiltinBuild } from './builtin-builder.ts';
import { isEnabled, requireOut, requireVariable } from './derivation-variable.ts';
import type { MirrorPlace } from './mirrors/mirror-place.ts';

/**
 * `builtin:fetchurl`: the file at the URL in the variable `url`, or at the others in `urls` where that cannot be had.
 * `executable` makes it executable, `unpack` takes it for a NAR, which is compressed if the URL ends in `.xz`. A URL
 * `mirror://NAME/PATH` is looked up on this machine. Files of a known hash are looked for at the `hashed-mirrors` first.
 */
export async function fetchurl(build: BuiltinBuild): Promise<void> {
  const out = requireOut(build);
  const output = build.derivation.outputs.get(byteStringFromText('out'));
  if (output?.kind !== 'fixed' && output?.kind !== 'impure') {
    const message = "'builtin:fetchurl' must be a fixed-output or impure derivation";
    throw new EngineError('builtin/bad-output', message);
  }
  const url = displayBytes(requireVariable(build, 'url'));
  const hashed = output.kind === 'fixed' && output.address.method === 'flat' ? hashedPlaces(build, output.address) : [];
  for (const place of hashed) {
    try {
      await fetchTo(out, place, { build, url });
      return;
    } catch (error) {
      build.signal.throwIfAborted();
      build.reporter.log('debug', messageOf(error));
      removeTree(out);
    }
  }
  let failure: { readonly error: unknown } | undefined;
  for (const candidate of [url, ...othersOf(build, url)]) {
    for (const place of await placesOf(build, candidate)) {
      if (failure !== undefined) build.reporter.warn(`${messageOf(failure.error)}; trying '${place.url.href}' instead`);
      try {
        await fetchTo(out, place, { build, url });
        return;
      } catch (error) {
        build.signal.throwIfAborted();
        failure = { error };
        removeTree(out);
      }
    }
  }
  throw failure?.error;
}

function hashedPlaces({ services }: BuiltinBuild, { hash }: { readonly hash: NixHash }): MirrorPlace[] {
  return services.settings.get('hashed-mirrors').map(mirror => {
    const base = mirror.endsWith('/') ? mirror : `${mirror}/`;
    return { url: parseUrl(`${base}${hash.algorithm}/${encodeBase16(hash.digest)}`) };
  });
}

function othersOf({ derivation }: BuiltinBuild, url: string): string[] {
  const urls = derivation.env.get(byteStringFromText('urls'));
  if (urls === undefined) return [];
  return displayBytes(urls)
    .split(/[ \t\n]+/)
    .filter(other => other !== '' && other !== url);
}

async function placesOf({ services }: BuiltinBuild, url: string): Promise<readonly MirrorPlace[]> {
  return url.startsWith('mirror:') ? services.mirrors.places(url) : [{ url: parseUrl(url) }];
}

function parseUrl(url: string): URL {
  const parsed = URL.parse(url);
  if (parsed !== null) return parsed;
  throw new EngineError('builtin/bad-attribute', `'${url}' is not a valid URL`);
}

interface Fetch {
  readonly build: BuiltinBuild;
  /** As the derivation has it: tells whether what comes is compressed, wherever it comes from. */
  readonly url: string;
}

async function fetchTo(out: string, { url, access }: MirrorPlace, { build, url: named }: Fetch): Promise<void> {
  const { services, reporter, signal } = build;
  const body = await openDownload(url, { settings: services.settings, reporter, signal, access });
  if (isEnabled(build, 'unpack')) {
    await unpackNar(named.endsWith('.xz') ? decompress(body, 'xz', { signal }) : body, out);
  } else await pipeline(body, createWriteStream(out, { flags: 'wx', mode: 0o666 }), { signal });
  if (isEnabled(build, 'executable')) chmodSync(out, 0o755);
}

async function unpackNar(chunks: AsyncIterable<Uint8Array>, path: string): Promise<void> {
  using restorer = new TreeRestorer(path);
  const reader = new NarReader(restorer);
  for await (const chunk of chunks) {
    reader.push(chunk);
    if (reader.finished) break;
  }
  reader.end();
}
