import {
  existsSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  renameSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { isAbsolute, join } from 'node:path';
import { byteStringFromText, byteStringOf, bytesOf } from '../../base/index.ts';
import { checkoutTree, removeTree } from '../../castore/index.ts';
import { EvalError, type FetchedTree, type InputAttributes, evalError } from '../../eval/index.ts';
import { formatHash, formatJson, hashBytes, isJsonObject, jsonObject, parseJson } from '../../nix-compat/index.ts';
import { openDownload, unpackArchive } from '../../store/index.ts';
import type { FetchContext } from './fetch-tree.ts';

/** When an archive's newest entry was changed, in seconds, in the cache beside its tree. */
const infoFile = 'info.json';
const treeFolder = 'tree';

/**
 * The tree in an archive at a URL, of tar's, which may be compressed, or zip's: what is in its one folder, if it has nothing else.
 * Downloads are used for `lifetime` seconds, files of this machine are read each time. Throws `eval/error`, `archive/…` and
 * what downloading throws.
 */
export async function fetchArchive(url: string, input: InputAttributes, context: FetchContext): Promise<FetchedTree> {
  const isLocal = url.startsWith('file:');
  if (isLocal) checkLocalFile(url);
  const key = formatHash(hashBytes('sha256', bytesOf(byteStringFromText(url))), 'nix32');
  const folder = join(context.cacheFolder, 'firn-archives-v1', key);
  const known = isLocal ? undefined : readKnown(folder, context.lifetime);
  const lastModified = known ?? (await unpack(url, folder, context));
  const attributes: InputAttributes = new Map(input);
  if (!input.has('lastModified') && lastModified > 0n) attributes.set('lastModified', lastModified);
  return { path: byteStringFromText(join(folder, treeFolder)), attributes };
}

/** Undefined where there is none that counts. */
function readKnown(folder: string, lifetime: number): bigint | undefined {
  const path = join(folder, infoFile);
  const stats = statSync(path, { throwIfNoEntry: false });
  if (stats === undefined || stats.mtimeMs + lifetime * 1000 < Date.now()) return undefined;
  const info = parseJson(byteStringOf(readFileSync(path)));
  const value = isJsonObject(info) ? info.get(byteStringFromText('lastModified')) : undefined;
  return typeof value === 'bigint' ? value : undefined;
}

/** Puts the tree into `folder`, in place of what was there, when it is complete. */
async function unpack(url: string, folder: string, context: FetchContext): Promise<bigint> {
  const { cacheFolder, download } = context;
  mkdirSync(join(cacheFolder, 'firn-archives-v1'), { recursive: true });
  const staging = mkdtempSync(join(cacheFolder, 'firn-archives-v1', 'new-'));
  try {
    using _ = download.reporter.startActivity({ type: 'unknown', level: 'info', text: `unpacking '${url}'` });
    const { signal } = download;
    const body = await openDownload(new URL(url), download);
    let lastModified = 0n;
    {
      await using archive = await unpackArchive(body, join(staging, 'blobs'), { signal });
      const [only, ...others] = archive.entries;
      const isWrapped = only?.node.kind === 'directory' && others.length === 0;
      const node = isWrapped ? only.node : archive.root;
      lastModified = BigInt(Math.trunc(archive.lastModified ?? 0));
      mkdirSync(join(staging, 'made'));
      await checkoutTree(archive.blobs, node, join(staging, 'made', treeFolder), { signal });
    }
    writeFileSync(join(staging, 'made', infoFile), bytesOf(formatJson(jsonObject({ lastModified }))));
    // Whoever reads the one that was there goes on with it.
    if (existsSync(folder)) renameSync(folder, join(staging, 'old'));
    renameSync(join(staging, 'made'), folder);
    return lastModified;
  } finally {
    removeTree(staging);
  }
}

/** Says of what is no archive what it is. */
function checkLocalFile(url: string): void {
  const path = decodeURIComponent(url.replace(/^file:(?:\/\/)?/, '').replace(/[?#].*$/s, ''));
  if (!isAbsolute(path)) {
    throw evalError`tarball '${url}' must use an absolute path. The 'file' scheme does not support relative paths.`;
  }
  const stats = lstatSync(path, { throwIfNoEntry: false });
  if (stats === undefined) throw new EvalError('eval/error', `tarball "${path}" does not exist.`);
  if (!statSync(path).isDirectory()) return;
  if (existsSync(join(path, '.git'))) {
    const advice = 'Please use `git+file` as the scheme.';
    throw new EvalError('eval/error', `tarball "${path}" is a git repository, not a tarball. ${advice}`);
  }
  throw new EvalError('eval/error', `tarball "${path}" is a directory, not a file.`);
}
