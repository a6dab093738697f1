import { byteStringFromText } from '../../base/index.ts';
import { type CallOptions, type Node, equalDigests, formatDigest } from '../../castore/index.ts';
import {
  NixCompatError,
  type OutputName,
  type SingleDerivingPath,
  type StorePath,
  parseSingleDerivingPath,
  printStorePath,
  splitStorePath,
} from '../../nix-compat/index.ts';
import {
  type LazyPaths,
  type LocalStore,
  type Substituters,
  StoreError,
  type TemporaryRoots,
  derivationOutputs,
  exploreGraph,
  realisePaths,
} from '../../store/index.ts';
import { ReapiError } from '../error.ts';
import { type ClosureName, type StoreWants, rootFsProperty, writableProperty } from '../execution/store-wants.ts';
import type { ViewRequest } from '../execution/store-views.ts';

/** A store path that an action can be shown. */
export interface FoundPath {
  readonly path: StorePath;
  readonly root: Node;
  /** With `path` itself, where it refers to itself. */
  readonly references: readonly StorePath[];
}

export type FoundClosure = ReadonlyMap<StorePath, FoundPath>;

/** What an action names. */
export interface FoundWants {
  readonly closure: FoundClosure;
  readonly isWhole: boolean;
  /** Of the closure: directories. */
  readonly writable: readonly FoundPath[];
  /** A directory. */
  readonly rootFs: FoundPath | undefined;
}

const noWants: StoreWants = { closure: [], isWhole: false, rootFs: undefined, writable: [], wantsDaemon: false };

export interface FindClosureOptions extends CallOptions {
  /** Whom trees are read from that are not here: then paths need not be valid. */
  readonly lazyPaths?: LazyPaths | undefined;
  /** Keeps what is named, before it is looked for. */
  readonly roots: TemporaryRoots;
}

/** Questions that stores are asked at a time. */
const questionsAtOnce = 64;

/** Finds what actions name, in a store and whoever it substitutes from. It remembers what it found: made for one closure. */
export class ClosureFinder {
  readonly #store: LocalStore;
  readonly #substituters: Substituters;
  readonly #options: FindClosureOptions;
  readonly #found = new Map<StorePath, FoundPath>();

  constructor(store: LocalStore, substituters: Substituters, options: FindClosureOptions) {
    this.#store = store;
    this.#substituters = substituters;
    this.#options = options;
  }

  /** Throws `closure/unknown`, `closure/other` and `action/malformed`. */
  async find(name: ClosureName): Promise<FoundPath> {
    const { storeDir } = this.#store;
    let wanted: SingleDerivingPath;
    try {
      wanted = parseSingleDerivingPath(storeDir, byteStringFromText(name.path));
    } catch (cause) {
      if (!(cause instanceof NixCompatError)) throw cause;
      const message = `'${name.path.slice(0, 300)}' names nothing of the store '${storeDir}': ${cause.message}`;
      throw new ReapiError('action/malformed', message, { cause });
    }
    const found = await orUnknown(name.path, () => this.#realise(wanted));
    checkContent(name, found.root);
    return found;
  }

  async #realise(wanted: SingleDerivingPath): Promise<FoundPath> {
    if (wanted.kind === 'opaque') return this.#keep(wanted.path);
    const { path } = await this.#realise(wanted.derivation);
    await this.#makeValid(path);
    return this.#keep(await this.#outputOf(path, wanted.output));
  }

  async #keep(path: StorePath): Promise<FoundPath> {
    await this.#options.roots.add([path], this.#options.signal);
    return this.#have(path);
  }

  async #outputOf(derivation: StorePath, output: OutputName): Promise<StorePath> {
    const path = (await derivationOutputs(this.#store, derivation, this.#options)).get(output);
    if (path !== undefined) return path;
    const printed = printStorePath(this.#store.storeDir, derivation);
    throw new StoreError('path/invalid', `'${printed}' has no output '${output}', or none that was built`);
  }

  async #have(path: StorePath): Promise<FoundPath> {
    const known = this.#found.get(path);
    if (known !== undefined) return known;
    const found = (await this.#valid(path)) ?? (await this.#lazy(path)) ?? (await this.#makeValid(path));
    this.#found.set(path, found);
    return found;
  }

  async #valid(path: StorePath): Promise<FoundPath | undefined> {
    const { signal } = this.#options;
    const info = await this.#store.pathInfo(path, { signal });
    return info && { path, root: await this.#store.rootOf(path, { signal }), references: info.references };
  }

  async #lazy(path: StorePath): Promise<FoundPath | undefined> {
    const { lazyPaths, signal } = this.#options;
    if (lazyPaths === undefined) return undefined;
    const substitute = await this.#substituters.find(path, { trustedOnly: true, signal });
    const root = substitute && (await lazyPaths.rootOf(path, { signal }));
    return substitute && root && { path, root, references: substitute.info.references };
  }

  async #makeValid(path: StorePath): Promise<FoundPath> {
    const { signal } = this.#options;
    const [failure] = await realisePaths(this.#store, this.#substituters, [path], { signal });
    if (failure !== undefined) throw failure.error;
    return (await this.#valid(path)) ?? { path, root: await this.#store.rootOf(path, { signal }), references: [] };
  }

  /** All that an action wants. Throws as `find`. */
  async findWanted({ wants = noWants, links }: Pick<ViewRequest, 'wants' | 'links'>): Promise<FoundWants> {
    const findAll = async (names: readonly ClosureName[]) => {
      const found: FoundPath[] = [];
      for (const name of names) found.push(await this.find(name));
      return found;
    };
    const named = (await findAll(wants.closure)).map(({ path }) => path);
    for (const link of links) named.push(...(await this.#findTargets(link)));
    const writable = await findAll(wants.writable);
    for (const found of writable) requireDirectory(found, this.#store, writableProperty);
    const [rootFs] = await findAll(wants.rootFs === undefined ? [] : [wants.rootFs]);
    if (rootFs !== undefined) requireDirectory(rootFs, this.#store, rootFsProperty);
    const closure = await this.closureOf([...named, ...writable.map(({ path }) => path)]);
    return { closure, writable, rootFs, isWhole: wants.isWhole };
  }

  /** The store path that a symlink leads to or into; none where it leads to nothing that there is. */
  async #findTargets(target: string): Promise<StorePath[]> {
    try {
      const { storePath } = splitStorePath(this.#store.storeDir, target);
      await this.#keep(storePath);
      return [storePath];
    } catch (error) {
      // Links may lead where nothing is.
      if (error instanceof NixCompatError || error instanceof StoreError) return [];
      throw error;
    }
  }

  /** Paths with all that they refer to. Throws `closure/unknown`. */
  async closureOf(paths: Iterable<StorePath>): Promise<FoundClosure> {
    const closure = new Map<StorePath, FoundPath>();
    const { signal } = this.#options;
    await exploreGraph(paths, { limit: questionsAtOnce, signal }, async path => {
      const found = await orUnknown(printStorePath(this.#store.storeDir, path), () => this.#have(path));
      closure.set(path, found);
      return [...found.references];
    });
    return closure;
  }
}

function requireDirectory({ path, root }: FoundPath, { storeDir }: LocalStore, property: string): void {
  if (root.kind === 'directory') return;
  const printed = printStorePath(storeDir, path);
  throw new ReapiError('action/malformed', `'${printed}', which '${property}' names, is no directory`);
}

async function orUnknown<T>(name: string, find: () => Promise<T>): Promise<T> {
  try {
    return await find();
  } catch (cause) {
    if (!(cause instanceof StoreError) && !(cause instanceof NixCompatError)) throw cause;
    throw new ReapiError('closure/unknown', `no store path for '${name.slice(0, 300)}': ${cause.message}`, { cause });
  }
}

function checkContent(name: ClosureName, root: Node): void {
  const { path, digest } = name;
  if (digest === undefined || (root.kind !== 'symlink' && equalDigests(root.digest, digest))) return;
  const found = root.kind === 'symlink' ? 'a symlink' : formatDigest(root.digest);
  const message = `'${path}' is ${found} here, and not the ${formatDigest(digest)} that the action names`;
  throw new ReapiError('closure/other', message);
}
