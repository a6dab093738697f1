import { lstatSync, readdirSync, statSync } from 'node:fs';
import { unreachable } from '../../../base/index.ts';
import {
  type BlobProblem,
  type Digest,
  formatDigest,
  lockAgainstCollection,
  repairBlob,
  verifyBlobs,
} from '../../../castore/index.ts';
import {
  type PathInfo,
  type StorePath,
  equalHashes,
  formatHash,
  makeHash,
  printStorePath,
} from '../../../nix-compat/index.ts';
import { StoreError } from '../../error.ts';
import type { VerifyStoreOptions } from '../../store.ts';
import type { LocalStore } from '../local-store.ts';
import type { HashedTree } from './hash-tree.ts';
import { hashTrees } from './hash-trees.ts';
import { pathsLackingBlobs } from './lacking-blobs.ts';
import { repairPath } from './repair-path.ts';

/**
 * Looks whether the checkouts of all valid paths exist and, with `checkContents`, whether they and the castore have the
 * contents that they should. Paths that are gone become invalid if nothing refers to them. Errors are reported as they
 * are found; whether any remain is returned.
 */
export async function verifyStore(store: LocalStore, options: VerifyStoreOptions = {}): Promise<boolean> {
  if (options.repair === true) store.requireWritable();
  return new Verification(store, options).run();
}

class Verification {
  readonly #store: LocalStore;
  readonly #options: VerifyStoreOptions;
  /** Those of files whose contents were found to be right. */
  readonly #soundInodes = new Set<number>();
  #errors = false;

  constructor(store: LocalStore, options: VerifyStoreOptions) {
    this.#store = store;
    this.#options = options;
  }

  async run(): Promise<boolean> {
    const { reporter } = this.#store;
    reporter.log('info', 'reading the Nix store...');
    const present = await this.#verifyExistence();
    if (this.#options.checkContents !== true) return this.#errors;
    reporter.log('info', 'checking store hashes...');
    await this.#verifyCheckouts(present);
    reporter.log('info', 'checking blobs...');
    await this.#verifyBlobs();
    await this.#verifyTrees(present);
    return this.#errors;
  }

  /** Returns the valid paths that are on disk. */
  async #verifyExistence(): Promise<StorePath[]> {
    const { paths, reporter, realStoreDir } = this.#store;
    // In this order, what is added meanwhile is not missed.
    const valid = paths.all();
    const onDisk = new Set<string>(readdirSync(realStoreDir));
    reporter.log('info', 'checking path existence...');
    this.#tellOfStrangers(onDisk, new Set<string>(valid));
    const gone = new Set(valid.filter(path => !onDisk.has(path) && paths.isValid(path)));
    const kept = neededAmong(gone, path => paths.referrers(path));
    for (const path of gone) {
      this.#options.signal?.throwIfAborted();
      if (!kept.has(path) && !this.#makesUnneeded) continue;
      const printed = this.#print(path);
      if (kept.has(path)) {
        reporter.log('error', `path '${printed}' disappeared, but it still has valid referrers!`);
        if (await this.#repair(path, error => reporter.warn(error.message))) gone.delete(path);
      } else if (await this.#repair(path, () => {})) {
        reporter.log('info', `path '${printed}' disappeared, and was made again`);
        gone.delete(path);
      }
    }
    await this.#forget([...gone].filter(path => !kept.has(path)));
    return valid.filter(path => onDisk.has(path));
  }

  /** They harm nobody, and are a garbage collection's to remove. */
  #tellOfStrangers(onDisk: ReadonlySet<string>, valid: ReadonlySet<string>): void {
    const { reporter, realStoreDir } = this.#store;
    if (!reporter.shows('talkative')) return;
    for (const name of onDisk) {
      if (name.startsWith('.') || valid.has(name)) continue;
      reporter.log('talkative', `'${realStoreDir}/${name}' is no valid path`);
    }
  }

  async #forget(paths: readonly StorePath[]): Promise<void> {
    if (paths.length === 0) return;
    for (const path of paths)
      this.#store.reporter.log('info', `path '${this.#print(path)}' disappeared, removing from database...`);
    this.#store.requireWritable();
    // A collection goes by the numbers of rows, which would be given to others.
    using _lock = await this.#store.collector.exclude(this.#options.signal);
    const isGone = (path: StorePath) =>
      this.#store.paths.isValid(path) && lstatSync(this.#store.realPath(path), { throwIfNoEntry: false }) === undefined;
    this.#store.paths.invalidate(paths.filter(isGone));
  }

  async #verifyCheckouts(paths: readonly StorePath[]): Promise<void> {
    const { reporter } = this.#store;
    using activity = reporter.startActivity({ type: 'verifyPaths' });
    let done = 0;
    await hashTrees(
      paths.map(path => this.#store.realPath(path)),
      async (result, index) => {
        const path = paths[index];
        if (path !== undefined) await this.#compare(path, result);
        activity.progress(++done, paths.length);
      },
      { sizeOf: index => this.#narSizeOf(paths[index]), signal: this.#options.signal },
    );
  }

  #narSizeOf(path: StorePath | undefined): number {
    return (path === undefined ? undefined : this.#store.paths.find(path)?.info.narSize) ?? 0;
  }

  async #compare(path: StorePath, result: HashedTree): Promise<void> {
    const { reporter, paths } = this.#store;
    reporter.log('talkative', () => `checking contents of '${this.#print(path)}'`);
    const info = paths.find(path)?.info;
    if (result.kind === 'failed') {
      const failure = new StoreError('path/unreadable', `reading '${this.#store.realPath(path)}': ${result.message}`);
      // It may have been collected meanwhile.
      if (info === undefined) return reporter.warn(failure.message);
      reporter.logError(failure);
      return this.#repairOrCount(path);
    }
    if (info === undefined) return;
    const problem = modification(this.#store, info, result.digest);
    if (problem === undefined) {
      for (const inode of result.inodes) this.#soundInodes.add(inode);
      return;
    }
    reporter.log('error', problem);
    await this.#repairOrCount(path);
  }

  /** Whether paths that are gone and that nothing needs are made again: elsewhere nobody is asked for them. */
  get #makesUnneeded(): boolean {
    const { repair = false, policy = 'blobs-first' } = this.#options;
    return repair && policy === 'blobs-first';
  }

  async #repairOrCount(path: StorePath): Promise<void> {
    await this.#repair(path, error => this.#store.reporter.logError(error));
  }

  /** Whether it was repaired; otherwise an error remains. */
  async #repair(path: StorePath, report: (error: Error) => void): Promise<boolean> {
    const { repair, signal } = this.#options;
    if (repair === true) {
      try {
        await repairPath(this.#store, path, this.#options);
        return true;
      } catch (error) {
        signal?.throwIfAborted();
        report(error instanceof Error ? error : new Error(String(error)));
      }
    }
    this.#errors = true;
    return false;
  }

  /** Of blobs, only what no checkout has shown to be right: rows of the database, and files that are in no store path. */
  async #verifyBlobs(): Promise<void> {
    const { blobs, reporter } = this.#store;
    const { repair = false, signal } = this.#options;
    const isSound = (path: string) => {
      const stats = statSync(path, { throwIfNoEntry: false });
      return stats?.isFile() === true && this.#soundInodes.has(stats.ino);
    };
    for await (const problem of verifyBlobs(blobs, { signal, isSound, orphans: false })) {
      if (problem.kind === 'orphan') continue;
      reporter.log('error', describe(problem));
      if (repair) await this.#removeDamage(problem.digest);
      else this.#errors = true;
    }
  }

  async #removeDamage(digest: Digest): Promise<void> {
    const { blobs } = this.#store;
    using _lock = await lockAgainstCollection(blobs.folder, 'exclusive', this.#options.signal);
    await repairBlob(blobs, digest);
  }

  /** Paths whose trees have blobs that are absent. */
  async #verifyTrees(paths: readonly StorePath[]): Promise<void> {
    for (const path of await pathsLackingBlobs(this.#store, paths, this.#options.signal)) {
      this.#store.reporter.log('error', `path '${this.#print(path)}' has contents that are absent from the castore`);
      await this.#repairOrCount(path);
    }
  }

  #print(path: StorePath): string {
    return printStorePath(this.#store.storeDir, path);
  }
}

/** What is wrong with a path whose NAR has this hash; undefined if nothing is. */
export function modification(store: LocalStore, info: PathInfo, digest: Uint8Array): string | undefined {
  const found = makeHash('sha256', digest);
  if (equalHashes(info.narHash, found)) return undefined;
  const [expected, got] = [info.narHash, found].map(hash => formatHash(hash, 'nix32', { prefix: true }));
  return `path '${printStorePath(store.storeDir, info.path)}' was modified! expected hash '${expected}', got '${got}'`;
}

/** Those of `gone` that something refers to, directly or not, that is not gone. */
function neededAmong(
  gone: ReadonlySet<StorePath>,
  referrersOf: (path: StorePath) => readonly StorePath[],
): Set<StorePath> {
  const needed = new Set<StorePath>();
  const references = new Map<StorePath, StorePath[]>();
  for (const path of gone) {
    for (const referrer of referrersOf(path)) {
      if (!gone.has(referrer)) needed.add(path);
      else references.set(referrer, [...(references.get(referrer) ?? []), path]);
    }
  }
  // What is added to a set while it is iterated over is reached, too.
  for (const path of needed) for (const reference of references.get(path) ?? []) needed.add(reference);
  return needed;
}

function describe(problem: Exclude<BlobProblem, { readonly kind: 'orphan' }>): string {
  const digest = formatDigest(problem.digest);
  switch (problem.kind) {
    case 'corrupt':
      return problem.path === undefined
        ? `the row of the blob ${digest} was modified!`
        : `the blob '${problem.path}' was modified! expected digest ${digest}`;
    case 'missing':
      return `the blob '${problem.path}' disappeared`;
    case 'unreadable':
      return `the blob '${problem.path}' cannot be read`;
    default:
      return unreachable(problem);
  }
}
