import { createReadStream, createWriteStream, mkdtempSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { removeTree, streamTree, walkTree } from '../castore/index.ts';
import {
  type DownloadAccess,
  type Store,
  type TreeSource,
  addTree,
  describeTree,
  openDownload,
  unpackArchive,
} from '../store/index.ts';
import {
  type ContentAddress,
  type HashAlgorithm,
  NixCompatError,
  type NixHash,
  type StorePath,
  checkStorePathName,
  equalHashes,
  makeStorePathFromCA,
} from '../nix-compat/index.ts';
import type { CommandContext } from './command.ts';
import { CliError } from './error.ts';
import { openMirrors } from './open-builder.ts';
import { addTrace } from './render/trace.ts';

export interface PrefetchOptions {
  /** What the URL says, unless given. */
  readonly name: string | undefined;
  readonly algorithm: HashAlgorithm;
  readonly expected: NixHash | undefined;
  /** Then the whole object is hashed, not its contents alone, since that tells it from one that is not. */
  readonly executable: boolean;
  /** Whether the tree in the archive is meant: its one entry, or all of it. */
  readonly unpack: boolean;
  readonly context: CommandContext;
}

/**
 * What is at a URL, as a store object that only its contents name; it is not fetched again where its hash is known.
 * Throws `download/…`, `mirror/…`, and what downloading and unpacking throw.
 */
export async function prefetchFile(
  store: Store,
  url: string,
  options: PrefetchOptions,
): Promise<{ readonly path: StorePath; readonly hash: NixHash }> {
  const { executable, unpack, expected, context } = options;
  const name = options.name ?? nameFrom(url);
  checkName(name, options.name === undefined ? url : undefined);
  const method = executable || unpack ? 'nar' : 'flat';
  if (expected !== undefined) {
    const address: ContentAddress = { method, hash: expected };
    const path = makeStorePathFromCA(store.storeDir, name, address);
    if ((await store.validPaths([path])).has(path)) return { path, hash: expected };
  }
  const { signal, environment } = context;
  const folder = mkdtempSync(join(environment.temporaryDir, 'firn-prefetch-'));
  try {
    const file = join(folder, 'file');
    await download(url, file, options);
    await using content = unpack ? await openArchive(file, { url, folder, context }) : openFile(file);
    const algorithm = expected?.algorithm ?? options.algorithm;
    const described = await describeTree(store.storeDir, content.source, { name, method, algorithm });
    const hash = described.contentAddress?.hash ?? described.narHash;
    if (expected !== undefined && !equalHashes(hash, expected)) {
      throw new CliError('download/wrong-hash', `hash mismatch for '${url}'`);
    }
    await addTree(store, content.source, { name, method, algorithm, signal });
    return { path: described.path, hash };
  } finally {
    removeTree(folder);
  }
}

async function download(url: string, file: string, { executable, context }: PrefetchOptions): Promise<void> {
  const { signal, settings, log: reporter } = context;
  const places: readonly { readonly url: URL; readonly access?: DownloadAccess | undefined }[] = url.startsWith(
    'mirror:',
  )
    ? await openMirrors(context).places(url)
    : [{ url: parse(url) }];
  for (const [at, { url: place, access }] of places.entries()) {
    try {
      const body = await openDownload(place, { settings, reporter, signal, access });
      await pipeline(body, createWriteStream(file, { flags: 'wx', mode: executable ? 0o700 : 0o600 }), { signal });
      return;
    } catch (error) {
      signal.throwIfAborted();
      if (at === places.length - 1) throw error;
      removeTree(file);
    }
  }
}

interface Content extends AsyncDisposable {
  readonly source: TreeSource;
}

function openFile(file: string): Content {
  return {
    source: async (sink, drain) => {
      for (const _ of walkTree(file, sink)) await drain();
    },
    [Symbol.asyncDispose]: () => Promise.resolve(),
  };
}

async function openArchive(
  file: string,
  {
    url,
    folder,
    context: { log, signal },
  }: { readonly url: string; readonly folder: string; readonly context: CommandContext },
): Promise<Content> {
  const isEmpty = statSync(file).size === 0;
  if (isEmpty) throw new CliError('download/empty-archive', `archive '${url}' is empty`);
  using _unpacking = log.startActivity({ type: 'unknown', level: 'chatty', text: `unpacking '${url}'` });
  await using stack = new AsyncDisposableStack();
  const archive = createReadStream(file, { highWaterMark: 256 * 1024, signal });
  const { blobs, root, entries } = stack.use(await unpackArchive(archive, join(folder, 'unpacked'), { signal }));
  const [first, ...others] = entries;
  if (first === undefined) throw new CliError('download/empty-archive', `archive '${url}' is empty`);
  const node = others.length === 0 ? first.node : root;
  const resources = stack.move();
  return {
    source: (sink, drain) => streamTree(blobs, node, sink, { drain, signal }),
    [Symbol.asyncDispose]: () => resources.disposeAsync(),
  };
}

function checkName(name: string, url: string | undefined): void {
  try {
    checkStorePathName(name);
  } catch (error) {
    if (url !== undefined && error instanceof NixCompatError) {
      addTrace(error, `file name '${name}' was extracted from URL '${url}'`);
    }
    throw error;
  }
}

function parse(url: string): URL {
  if (!/^[A-Za-z][A-Za-z0-9+.-]*:/.test(url)) {
    throw new CliError('download/bad-url', `URL '${url}' doesn't have a scheme`);
  }
  try {
    return new URL(url);
  } catch (cause) {
    throw new CliError('download/bad-url', `'${url}' is not a valid URL`, { cause });
  }
}

/** The last part of the path. */
function nameFrom(url: string): string {
  const name = parse(url)
    .pathname.split('/')
    .findLast(part => part !== '');
  if (name === undefined) throw new CliError('download/no-name', `cannot figure out file name for '${url}'`);
  try {
    return decodeURIComponent(name);
  } catch {
    return name;
  }
}
