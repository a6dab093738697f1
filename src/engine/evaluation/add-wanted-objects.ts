import { type Reporter, displayBytes, silentReporter } from '../../base/index.ts';
import { type CallOptions, walkTree } from '../../castore/index.ts';
import { type PathInfo, type StorePath, compareStorePaths, hashBytes } from '../../nix-compat/index.ts';
import { NarHasher, type PathAddition, type Store, type TreeSource, requireFacet } from '../../store/index.ts';
import { adoptPaths } from './adopt-paths.ts';
import { type WantedObject, referencesOf } from './file-system-io.ts';
import { fsPathOf } from './read-files.ts';

export interface AddWantedOptions extends CallOptions {
  /** Told which folders are copied. */
  readonly reporter?: Reporter;
}

/**
 * Adds to a store what an evaluation wants to be there and what is not there yet. Objects may refer to others that were
 * wanted before them.
 */
export async function addWantedObjects(
  store: Store,
  wanted: Iterable<WantedObject>,
  { signal, reporter = silentReporter }: AddWantedOptions = {},
): Promise<void> {
  const byPath = new Map<StorePath, WantedObject>();
  for (const object of wanted) byPath.set(object.path, object);
  const present = await store.validPaths(byPath.keys(), { signal });
  const additions: PathAddition[] = [];
  for (const [path, object] of byPath) {
    if (present.has(path)) continue;
    const source = sourceOf(object);
    using _copying = reportCopying(object, reporter);
    const info = await infoOf(object, source);
    additions.push({ path, offers: [{ info, source, from: store.uri, isTrusted: true }] });
  }
  if (additions.length === 0) return;
  await adoptPaths(store, othersOf(byPath, present), signal);
  await requireFacet(store, 'writer', 'addToStore').add(additions, { signal });
}

/** What those objects refer to that are not there yet, but for what is wanted, too. */
function othersOf(wanted: ReadonlyMap<StorePath, WantedObject>, present: ReadonlySet<StorePath>): Set<StorePath> {
  const others = new Set<StorePath>();
  for (const [path, object] of wanted) {
    if (present.has(path)) continue;
    for (const reference of referencesOf(object)) if (!wanted.has(reference)) others.add(reference);
  }
  return others;
}

function reportCopying(object: WantedObject, reporter: Reporter): Disposable | undefined {
  if (object.kind !== 'tree' || object.addition.method !== 'nar') return undefined;
  const text = () => `copying '${displayBytes(object.addition.path)}/' to the store`;
  return reporter.startActivity({ type: 'unknown', level: 'chatty', text });
}

function sourceOf(object: WantedObject): TreeSource {
  if (object.kind === 'text') {
    const { contents } = object;
    return async sink => {
      sink.startFile(false, contents.byteLength);
      if (contents.byteLength > 0) sink.fileData(contents);
      sink.endFile();
    };
  }
  const { accepts, addition } = object;
  return async (sink, drain) => {
    const options = accepts === undefined ? {} : { filter: accepts };
    for (const _ of walkTree(fsPathOf(addition.path), sink, options)) await drain();
  };
}

/** The tree is read for its NAR hash; a file tree that changes before it is read again is refused then. */
async function infoOf(object: WantedObject, source: TreeSource): Promise<PathInfo> {
  const nar = new NarHasher();
  await source(nar.sink, async () => {});
  const narHash = nar.finish();
  const references = [...referencesOf(object)].toSorted(compareStorePaths);
  const common = { path: object.path, narHash, narSize: nar.size, references, signatures: [] };
  if (object.kind === 'text') {
    const contentAddress = { method: 'text', hash: hashBytes('sha256', object.contents) } as const;
    return { ...common, contentAddress };
  }
  const { method } = object.addition;
  return { ...common, contentAddress: { method, hash: object.hash } };
}
