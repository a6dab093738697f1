import {
  type ByteString,
  type Reporter,
  byteStringFromLatin1,
  displayBytes,
  silentReporter,
} from '../../base/index.ts';
import type { CallOptions } from '../../castore/index.ts';
import {
  Hasher,
  ModuloHasher,
  NarReader,
  NarWriter,
  type PathInfo,
  Rewriter,
  type StorePath,
  type StoreReferences,
  compareStorePaths,
  makeFixedOutputPath,
  printStorePath,
  storePathHashPart,
  storePathName,
} from '../../nix-compat/index.ts';
import { computeClosure } from '../closure/compute-closure.ts';
import { sortInfos } from '../closure/sort-paths.ts';
import { type Store, type TreeSource, requireFacet } from '../store.ts';

export interface MakeContentAddressedOptions extends CallOptions {
  readonly reporter?: Reporter;
}

/**
 * Copies the closure of `paths` from one store to another under names that follow from contents: each path gets the
 * references' new names written into it. Returns the new name of each. Throws as `computeClosure` and `PathWriter.add`.
 */
export async function makeContentAddressed(
  from: Store,
  to: Store,
  paths: Iterable<StorePath>,
  { reporter = silentReporter, signal }: MakeContentAddressedOptions = {},
): Promise<ReadonlyMap<StorePath, StorePath>> {
  const writer = requireFacet(to, 'writer', 'addToStore');
  const names = new Map<StorePath, StorePath>();
  for (const { path, info } of sortInfos(from, await computeClosure(from, paths, { signal }))) {
    if (info === undefined) continue;
    const renamed = await rename(from, to, { info, names, signal });
    const [before, after] = [printStorePath(from.storeDir, path), printStorePath(to.storeDir, renamed.info.path)];
    reporter.log('info', () => `rewriting '${displayBytes(before)}' to '${displayBytes(after)}'`);
    const offer = { info: renamed.info, source: renamed.source, from: from.uri, isTrusted: true };
    await writer.add([{ path: renamed.info.path, offers: [offer] }], { checkSignatures: false, signal });
    names.set(path, renamed.info.path);
  }
  return names;
}

/** Strings of the same length, in pairs. */
type Rewrites = readonly (readonly [from: ByteString, to: ByteString])[];

/** The store object under its new name. Its contents are read twice for that, and once more by whoever takes them. */
async function rename(
  from: Store,
  to: Store,
  {
    info: old,
    names,
    signal,
  }: { readonly info: PathInfo; readonly names: ReadonlyMap<StorePath, StorePath> } & CallOptions,
): Promise<{ readonly info: PathInfo; readonly source: TreeSource }> {
  const others = old.references.filter(reference => reference !== old.path);
  const rewrites = others.flatMap((reference): Rewrites => {
    const renamed = names.get(reference) ?? reference;
    if (renamed === reference) return [];
    return [[printStorePath(from.storeDir, reference), printStorePath(from.storeDir, renamed)]];
  });
  const references: StoreReferences = {
    others: others.map(reference => names.get(reference) ?? reference).toSorted(compareStorePaths),
    self: old.references.includes(old.path),
  };
  const oldHashPart = byteStringFromLatin1(storePathHashPart(old.path));
  const modulo = new ModuloHasher('sha256', oldHashPart);
  await streamNar(from, old.path, { rewrites: [rewrites], write: chunk => modulo.update(chunk), signal });
  const contentAddress = { method: 'nar', hash: modulo.finish() } as const;
  const path = makeFixedOutputPath(to.storeDir, storePathName(old.path), {
    method: contentAddress.method,
    hash: contentAddress.hash,
    references,
  });
  const own: Rewrites = [[oldHashPart, byteStringFromLatin1(storePathHashPart(path))]];
  const hasher = new Hasher('sha256');
  await streamNar(from, old.path, { rewrites: [rewrites, own], write: chunk => hasher.update(chunk), signal });
  const source: TreeSource = async (sink, drain, stop) => {
    const reader = new NarReader(sink);
    const write = (chunk: Uint8Array) => void reader.push(chunk);
    await streamNar(from, old.path, { rewrites: [rewrites, own], write, drain, signal: stop });
    reader.end();
  };
  const all = [...references.others, ...(references.self ? [path] : [])].toSorted(compareStorePaths);
  const info = {
    path,
    narHash: hasher.finish(),
    narSize: old.narSize,
    references: all,
    signatures: [],
    contentAddress,
  };
  return { info, source };
}

interface StreamNarOptions extends CallOptions {
  /** Made one after the other. */
  readonly rewrites: readonly Rewrites[];
  readonly write: (chunk: Uint8Array) => void;
  readonly drain?: () => Promise<void>;
}

async function streamNar(
  store: Store,
  path: StorePath,
  { rewrites, write, drain, signal }: StreamNarOptions,
): Promise<void> {
  const rewriters: Rewriter[] = [];
  let next = write;
  for (const some of rewrites.toReversed()) {
    if (some.length === 0) continue;
    const rewriter = new Rewriter(some, next);
    rewriters.unshift(rewriter);
    next = chunk => rewriter.update(chunk);
  }
  await store.streamPath(path, new NarWriter(next), { signal, ...(drain === undefined ? {} : { drain }) });
  for (const rewriter of rewriters) rewriter.finish();
}
