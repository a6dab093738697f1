import { type Stats, lstatSync, mkdirSync, readlinkSync, symlinkSync, unlinkSync } from 'node:fs';
import {
  type ByteString,
  type Reporter,
  brandAs,
  byteStringFromLatin1,
  bytesOf,
  displayBytes,
  errnoOf,
  systemErrorText,
} from '../../base/index.ts';
import { EngineError } from '../error.ts';
import { fsPathOf } from '../evaluation/read-files.ts';
import { type StoreView, isAbsence } from './store-view.ts';

/** A store path among those that an environment consists of. */
export interface LinkedPackage {
  readonly path: ByteString;
  /** Whether it is part of the environment at all. */
  readonly active: boolean;
  /** The smaller one wins where packages have the same file. */
  readonly priority: number;
}

export interface LinkPackagesOptions {
  readonly view: StoreView;
  readonly reporter: Reporter;
  readonly signal?: AbortSignal | undefined;
}

/** Two packages of one priority have the same file. */
export class PackageConflict extends EngineError {
  readonly files: readonly [ByteString, ByteString];
  readonly priority: number;

  constructor(files: readonly [ByteString, ByteString], priority: number) {
    const [a, b] = files.map(file => `"${displayBytes(file)}"`);
    const message = `Unable to build profile. There is a conflict for the following files:\n\n  ${a}\n  ${b}`;
    super('builtin/package-conflict', message);
    this.files = files;
    this.priority = priority;
  }
}

/** Files that every package brings its own of, and that nobody misses. */
const uselessFiles = [
  '/propagated-build-inputs',
  '/nix-support',
  '/perllocal.pod',
  '/info/dir',
  '/log',
  '/manifest.nix',
  '/manifest.json',
];

/** Of packages that others want to have with them: these come later, and lose against all that were asked for. */
const firstPropagatedPriority = 1000;

/**
 * Makes, in the folder `out`, symlinks to the files of `packages`; folders that several have are made and their contents
 * linked. What the packages name in `nix-support/propagated-user-env-packages` is linked, too. Throws `PackageConflict`,
 * `builtin/package-conflict` for a file in place of a folder, and `builtin/unreadable`.
 */
export function linkPackages(out: string, packages: readonly LinkedPackage[], options: LinkPackagesOptions): void {
  new PackageLinker(options).run(byteStringFromLatin1(Buffer.from(out).toString('latin1')), packages);
}

class PackageLinker {
  readonly #options: LinkPackagesOptions;
  /** Of the links made so far. */
  readonly #priorities = new Map<ByteString, number>();

  constructor(options: LinkPackagesOptions) {
    this.#options = options;
  }

  run(out: ByteString, packages: readonly LinkedPackage[]): void {
    const done = new Set<ByteString>();
    let postponed = new Set<ByteString>();
    const add = (path: ByteString, priority: number) => {
      if (done.has(path)) return;
      done.add(path);
      this.#link(path, out, priority);
      for (const wanted of this.#propagated(path)) if (!done.has(wanted)) postponed.add(wanted);
    };
    const byPriority = packages.toSorted((a, b) => a.priority - b.priority || (a.path < b.path ? -1 : 1));
    for (const { path, active, priority } of byPriority) if (active) add(path, priority);
    let priority = firstPropagatedPriority;
    while (postponed.size > 0) {
      const paths = [...postponed].toSorted();
      postponed = new Set();
      for (const path of paths) add(path, priority++);
    }
    this.#options.reporter.log('debug', `created ${this.#priorities.size} symlinks in user environment`);
  }

  #propagated(path: ByteString): ByteString[] {
    try {
      const bytes = this.#options.view.read(brandAs<ByteString>(`${path}/nix-support/propagated-user-env-packages`));
      const words = Buffer.from(bytes)
        .toString('latin1')
        .split(/[ \n]+/);
      return words.filter(word => word !== '').map(byteStringFromLatin1);
    } catch (error) {
      if (isAbsence(error)) return [];
      throw error;
    }
  }

  #link(source: ByteString, target: ByteString, priority: number): void {
    for (const name of this.#namesIn(source)) {
      this.#options.signal?.throwIfAborted();
      if (name.startsWith('.')) continue;
      const from = brandAs<ByteString>(`${source}/${name}`);
      const to = brandAs<ByteString>(`${target}/${name}`);
      const stats = this.#options.view.stat(from);
      if (stats === undefined) this.#options.reporter.warn(`skipping dangling symlink '${displayBytes(to)}'`);
      else if (!uselessFiles.some(file => from.endsWith(file))) this.#linkEntry({ from, to, stats, priority });
    }
  }

  #linkEntry(entry: {
    readonly from: ByteString;
    readonly to: ByteString;
    readonly stats: Stats;
    readonly priority: number;
  }): void {
    const { from, to, stats, priority } = entry;
    const there = lstatSync(fsPathOf(to), { throwIfNoEntry: false });
    if (stats.isDirectory()) {
      if (there?.isDirectory() === true) return this.#link(from, to, priority);
      if (there?.isSymbolicLink() === true) return this.#merge(from, to, priority);
    } else if (there?.isSymbolicLink() === true) {
      const before = this.#priorities.get(to) ?? 0;
      if (before === priority) throw new PackageConflict([linkTarget(to), from], priority);
      if (before < priority) return;
      unlinkSync(fsPathOf(to));
    } else if (there?.isDirectory() === true) {
      const message = `collision between non-directory '${displayBytes(from)}' and directory '${displayBytes(to)}'`;
      throw new EngineError('builtin/package-conflict', message);
    }
    symlinkSync(bytesOf(from), fsPathOf(to));
    this.#priorities.set(to, priority);
  }

  /** Makes a folder of the link at `to`, of what that leads to and of `from`. */
  #merge(from: ByteString, to: ByteString, priority: number): void {
    const before = this.#options.view.follow(linkTarget(to));
    if (this.#options.view.stat(before)?.isDirectory() !== true) {
      const message = `collision between "${displayBytes(from)}" and non-directory "${displayBytes(before)}"`;
      throw new EngineError('builtin/package-conflict', message);
    }
    unlinkSync(fsPathOf(to));
    mkdirSync(fsPathOf(to), 0o755);
    this.#link(before, to, this.#priorities.get(to) ?? 0);
    this.#link(from, to, priority);
  }

  #namesIn(source: ByteString): ByteString[] {
    const { view, reporter } = this.#options;
    try {
      return view.names(source);
    } catch (cause) {
      const shown = `"${displayBytes(source)}"`;
      if (errnoOf(cause) === 'ENOTDIR') {
        reporter.warn(`not including ${shown} in the user environment because it's not a directory`);
        return [];
      }
      if (errnoOf(cause) === undefined) throw cause;
      const message = `cannot read directory ${shown}: ${systemErrorText(cause)}`;
      throw new EngineError('builtin/unreadable', message, { cause });
    }
  }
}

function linkTarget(link: ByteString): ByteString {
  return byteStringFromLatin1(readlinkSync(fsPathOf(link), 'latin1'));
}
