import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Reporter } from '../../../base/index.ts';
import {
  BlobMarks,
  type CallOptions,
  type DiskBlobStore,
  HeldRoots,
  LeasedRoots,
  type LiveRoots,
  sweepBlobs,
} from '../../../castore/index.ts';
import { type StoreDir, type StorePath, compareStorePaths, printStorePath } from '../../../nix-compat/index.ts';
import { StoreError } from '../../error.ts';
import type { CollectOptions, Collected, Collector, StoreRoot } from '../../store.ts';
import { type RootPlace, addIndirectRoot, registerIndirectRoot } from '../roots/add-indirect-root.ts';
import { findLinkRoots } from '../roots/link-roots.ts';
import {
  TemporaryRootsReader,
  type TemporaryRootsPlace,
  readTemporaryRoots,
  removeStaleTemporaryRoots,
} from '../roots/read-temporary-roots.ts';
import { RootsLock } from '../roots/roots-lock.ts';
import { findRuntimeRoots } from '../roots/runtime-roots.ts';
import type { TemporaryRoots } from '../roots/temporary-roots.ts';
import { type Collection, HeldPaths } from './collection.ts';
import { lockCollector } from './collector-lock.ts';
import { findLeftovers, sweepLeftovers } from './leftovers.ts';
import type { LocalDerivations } from '../local-derivations.ts';
import type { RealisationTable } from '../realisation-table.ts';
import { realisedOutputs } from './realised-outputs.ts';
import type { Overlay } from '../overlay/overlay.ts';
import { UpperEntries } from '../overlay/upper-entries.ts';
import { PathGraph, PathMarks } from './path-graph.ts';
import { FolderEntries, type StoreEntries } from './store-entries.ts';
import { type DeadPaths, sweepPaths } from './sweep-paths.ts';
import { removeUnusedLinks } from './unused-links.ts';
import { ValidTrees } from './valid-trees.ts';

/** What the collector needs of its store. */
export interface CollectedStore {
  readonly blobs: DiskBlobStore;
  readonly storeDir: StoreDir;
  readonly realStoreDir: string;
  readonly linkedStoreDir?: string;
  readonly temporaryRoots: TemporaryRoots;
  readonly derivations: LocalDerivations;
  readonly realisations: RealisationTable;
  readonly reporter: Reporter;
  /** What the store inherits from, if anything. */
  readonly overlay?: Overlay | undefined;
  /** Throws where nothing may be written. */
  requireWritable(): void;
}

/**
 * The `Collector` of a local store. A collection neither waits for additions nor stops them for longer than one of its
 * short batches takes: it finds roots and what they keep in a snapshot, and each batch of the sweep looks again at what
 * came since.
 */
export class LocalCollector implements Collector {
  readonly #store: CollectedStore;

  constructor(store: CollectedStore) {
    this.#store = store;
  }

  async findRoots(options: CallOptions & { readonly censor?: boolean } = {}): Promise<StoreRoot[]> {
    const { links, runtime } = await this.#permanentRoots(options.signal);
    const ofProcesses = [...runtime, ...readTemporaryRoots(this.#temporaryPlace)];
    const shown =
      options.censor === true ? ofProcesses.map(({ path }) => ({ path, holder: '{censored}' })) : ofProcesses;
    const each = new Map([...links, ...shown].map(root => [`${root.path} ${root.holder}`, root]));
    return [...each.values()].toSorted(
      (a, b) => compareStorePaths(a.path, b.path) || (a.holder < b.holder ? -1 : a.holder > b.holder ? 1 : 0),
    );
  }

  async liveness(options: CollectOptions = {}): Promise<{ readonly live: StorePath[]; readonly dead: StorePath[] }> {
    const { reporter } = this.#store;
    reporter.log('info', 'finding garbage collector roots...');
    const temporary = new HeldPaths(new TemporaryRootsReader(this.#temporaryPlace), { livingOnly: true });
    const { graph, marks } = await this.#findDead(options, temporary);
    reporter.log('info', 'determining live/dead paths...');
    const live: StorePath[] = [];
    const dead: StorePath[] = [];
    const entries = await this.#openEntries(options.signal);
    for (const [node, path] of graph.paths.entries()) {
      if (marks.isLive(node)) live.push(path);
      else if (entries.isRemovable(path)) dead.push(path);
    }
    for (const { path } of findLeftovers(entries, known => graph.nodeOf(known) !== undefined)) {
      if (path !== undefined) (temporary.has(path) ? live : dead).push(path);
    }
    return { live: live.toSorted(compareStorePaths), dead: dead.toSorted(compareStorePaths) };
  }

  async collect(options: CollectOptions = {}): Promise<Collected> {
    this.#store.requireWritable();
    const { blobs, reporter, storeDir, realStoreDir } = this.#store;
    const { signal, maxFreed = Infinity } = options;
    const { fileSystem, database } = blobs.folder;
    const place = this.#temporaryPlace;
    using _collecting = await this.exclude(signal);
    using lock = new RootsLock(fileSystem, place.folder);
    const removed = (file: string) => reporter.log('info', `removing stale temporary roots file "${file}"`);
    await lock.exclusive(() => removeStaleTemporaryRoots(place, removed), signal);
    await awaitTest('_NIX_TEST_GC_SYNC_1');
    const entries = await this.#openEntries(signal);
    await entries.emptyAll(signal);

    reporter.log('info', 'finding garbage collector roots...');
    const temporary = new HeldPaths(new TemporaryRootsReader(place));
    const found = await this.#findDead(options, temporary);
    await awaitTest('_NIX_TEST_GC_SYNC_2');
    const deleted: StorePath[] = [];
    const places = { storeDir, realStoreDir, fileSystem, database };
    const collection: Collection = { ...places, lock, temporary, entries, reporter, maxFreed, signal, deleted };
    let swept = 0;
    try {
      if (options.paths !== undefined) await this.#collectChosen(collection, found, options.paths);
      else if (maxFreed > 0) await this.#collectDead(collection, found);
      if (await removeUnusedLinks(fileSystem, realStoreDir, signal)) reporter.log('info', 'deleting unused links...');
      swept = await this.#sweepBlobs({ maxFreed: Math.max(0, maxFreed - entries.bytesFreed), signal });
    } finally {
      try {
        await entries.finish();
      } finally {
        options.collected?.({ paths: deleted, bytesFreed: entries.bytesFreed + swept });
      }
    }
    return { paths: deleted, bytesFreed: entries.bytesFreed + swept };
  }

  /** Keeps collections from beginning until disposed of; waits for the end of one that is under way. */
  exclude(signal?: AbortSignal): Promise<Disposable> {
    const { folder, fileSystem } = this.#temporaryPlace;
    const waiting = () => this.#store.reporter.log('info', 'waiting for the big garbage collector lock...');
    return lockCollector(fileSystem, folder, { signal, waiting });
  }

  async addTemporaryRoots(paths: Iterable<StorePath>): Promise<void> {
    await this.#store.temporaryRoots.add(paths);
  }

  async addIndirectRoot(link: string, path: StorePath): Promise<void> {
    this.#store.requireWritable();
    await this.addTemporaryRoots([path]);
    addIndirectRoot(this.#rootPlace, link, path);
  }

  async registerIndirectRoot(link: string): Promise<void> {
    this.#store.requireWritable();
    registerIndirectRoot(this.#rootPlace, link);
  }

  /** A snapshot of the valid paths with those marked that may not go. */
  async #findDead(options: CollectOptions, temporary: HeldPaths): Promise<DeadPaths> {
    // Deleting what is live must not go on to the outputs and derivers that these would keep.
    const keep = options.paths === undefined || options.ignoreLiveness !== true;
    const { links, runtime } =
      options.ignoreLiveness === true ? { links: [], runtime: [] } : await this.#permanentRoots(options.signal);
    const keepOutputs = keep && options.keepOutputs === true;
    const graph = new PathGraph(this.#store.blobs.folder.database, keepOutputs ? realisedOutputs(this.#store) : []);
    const marks = new PathMarks(graph, {
      keepOutputs,
      keepDerivations: keep && options.keepDerivations === true,
    });
    marks.markPaths([...links, ...runtime].map(root => root.path));
    marks.markPaths(temporary.update());
    if (options.paths !== undefined) {
      // What is not to be deleted keeps what it needs, live or not.
      const chosen = new Set<StorePath>(options.paths);
      for (const [node, path] of graph.paths.entries()) if (!chosen.has(path)) marks.mark(node);
    }
    return { graph, marks };
  }

  async #collectDead(collection: Collection, found: DeadPaths): Promise<void> {
    collection.reporter.log('info', 'deleting garbage...');
    if (!(await sweepPaths(collection, found))) return;
    const isLive = (path: StorePath) => {
      const node = found.graph.nodeOf(path);
      return node !== undefined && found.marks.isLive(node);
    };
    await sweepLeftovers(collection, findLeftovers(collection.entries, isLive));
  }

  /** All of `paths` or, if one of them is needed, none. */
  async #collectChosen(collection: Collection, found: DeadPaths, paths: readonly StorePath[]): Promise<void> {
    const { graph, marks } = found;
    const sorted = [...new Set(paths)].toSorted(compareStorePaths);
    const requireDead = () => {
      const live = sorted.find(path => {
        const node = graph.nodeOf(path);
        return node === undefined ? collection.temporary.has(path) : marks.isLive(node);
      });
      if (live !== undefined) throw stillAlive(this.#store.storeDir, live);
    };
    requireDead();
    await sweepPaths(collection, found);
    const leftovers = sorted.filter(path => graph.nodeOf(path) === undefined).map(path => ({ name: path, path }));
    await sweepLeftovers(collection, leftovers);
    // Somebody may have come to need one meanwhile.
    requireDead();
  }

  async #openEntries(signal: AbortSignal | undefined): Promise<StoreEntries> {
    const { blobs, overlay, realStoreDir, reporter } = this.#store;
    const { fileSystem } = blobs.folder;
    if (overlay === undefined) return new FolderEntries(fileSystem, realStoreDir, reporter);
    return UpperEntries.open(overlay, { fileSystem, realStoreDir, reporter }, signal);
  }

  /** Returns the bytes that it freed. */
  async #sweepBlobs(options: { readonly maxFreed: number; readonly signal: AbortSignal | undefined }): Promise<number> {
    const { blobs } = this.#store;
    const trees = new ValidTrees(blobs.folder.database);
    const held = new HeldRoots(blobs.folder.database);
    const leased = new LeasedRoots(blobs.folder);
    leased.removeEnded();
    blobs.holds.expire();
    const marks = new BlobMarks(blobs, { signal: options.signal });
    await marks.mark({ nodes: trees.next() });
    await marks.mark(held.next());
    await marks.mark(leased.next());
    const newRoots = async (): Promise<LiveRoots> => {
      await marks.mark({ nodes: trees.next() });
      await marks.mark(leased.next());
      return held.next();
    };
    const swept = await sweepBlobs(blobs, marks, { ...options, newRoots });
    return swept.bytesFreed;
  }

  /** Links, and what processes use without having said so; all of them valid. */
  async #permanentRoots(
    signal: AbortSignal | undefined,
  ): Promise<{ readonly links: StoreRoot[]; readonly runtime: StoreRoot[] }> {
    const { blobs, reporter } = this.#store;
    const { database, fileSystem, path: stateDir } = blobs.folder;
    const storeDirs = this.#storeDirs;
    const isValid = (path: StorePath) => database.get('SELECT 1 FROM paths WHERE path = ?', path) !== undefined;
    const notice = (text: string) => reporter.log('info', text);
    const links = ['gcroots', 'profiles'].flatMap(name =>
      findLinkRoots(join(stateDir, name), { storeDirs, fileSystem, isValid, notice }),
    );
    const runtime = await findRuntimeRoots({ storeDirs, signal });
    return { links, runtime: runtime.filter(root => isValid(root.path)) };
  }

  get #storeDirs(): readonly string[] {
    return [...new Set([this.#store.storeDir, this.#store.realStoreDir])];
  }

  get #temporaryPlace(): TemporaryRootsPlace {
    const { fileSystem, path } = this.#store.blobs.folder;
    return { folder: join(path, 'temproots'), storeDir: this.#store.storeDir, fileSystem };
  }

  get #rootPlace(): RootPlace {
    const { fileSystem, path: stateDir } = this.#store.blobs.folder;
    return {
      fileSystem,
      stateDir,
      storeDirs: this.#storeDirs,
      linkedStoreDir: this.#store.linkedStoreDir ?? this.#store.realStoreDir,
    };
  }
}

function stillAlive(storeDir: StoreDir, path: StorePath): StoreError {
  const ways = 'To find out why, use: nix-store --query --roots and nix-store --query --referrers';
  const message = `Cannot delete path '${printStorePath(storeDir, path)}' since it is still alive. ${ways}`;
  return new StoreError('path/in-use', message);
}

/** C++ Nix's tests let a collection wait at two places, by the name of a FIFO in a variable. */
async function awaitTest(variable: string): Promise<void> {
  const file = process.env[variable];
  if (file !== undefined) await readFile(file);
}
