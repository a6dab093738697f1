import { byteStringFromText, messageOf } from '../../base/index.ts';
import { type CallOptions, type Node, equalDigests, formatDigest } from '../../castore/index.ts';
import {
  NixCompatError,
  type OutputName,
  type SingleDerivingPath,
  type StorePath,
  parseSingleDerivingPath,
  splitStorePath,
} from '../../nix-compat/index.ts';
import {
  type LocalStore,
  type Substituters,
  StoreError,
  computeClosure,
  derivationOutputs,
  realisePaths,
} from '../../store/index.ts';
import { ReapiError } from '../error.ts';
import type { ClosureName } from '../execution/store-wants.ts';

/** Store paths by name, which become valid where they are not and somebody has them. */
export class ClosureFinder {
  readonly #store: LocalStore;
  readonly #substituters: Substituters;

  constructor(store: LocalStore, substituters: Substituters) {
    this.#store = store;
    this.#substituters = substituters;
  }

  /** Throws `closure/unknown`, `closure/other` and `action/malformed`. */
  async find(name: ClosureName, options: CallOptions): Promise<StorePath> {
    const path = await this.#realise(this.#parse(name), name, options);
    if (name.digest !== undefined) checkContent(name, this.#store.rootOf(path));
    return path;
  }

  #parse({ path }: ClosureName): SingleDerivingPath {
    try {
      return parseSingleDerivingPath(this.#store.storeDir, byteStringFromText(path));
    } catch (cause) {
      if (!(cause instanceof NixCompatError)) throw cause;
      const message = `'${path.slice(0, 300)}' names nothing of the store '${this.#store.storeDir}': ${cause.message}`;
      throw new ReapiError('action/malformed', message, { cause });
    }
  }

  async #realise(wanted: SingleDerivingPath, name: ClosureName, options: CallOptions): Promise<StorePath> {
    if (wanted.kind === 'opaque') return this.#substitute(wanted.path, name, options);
    const derivation = await this.#realise(wanted.derivation, name, options);
    return this.#substitute(await this.#outputOf(derivation, wanted.output, { name, ...options }), name, options);
  }

  async #outputOf(
    derivation: StorePath,
    output: OutputName,
    { name, ...options }: CallOptions & { readonly name: ClosureName },
  ): Promise<StorePath> {
    try {
      const path = (await derivationOutputs(this.#store, derivation, options)).get(output);
      if (path !== undefined) return path;
    } catch (cause) {
      if (!(cause instanceof StoreError) && !(cause instanceof NixCompatError)) throw cause;
      throw unknown(name, `: ${cause.message}`, cause);
    }
    throw unknown(name, ', which has no such output, or none that was built');
  }

  async #substitute(path: StorePath, name: ClosureName, options: CallOptions): Promise<StorePath> {
    try {
      const [failure] = await realisePaths(this.#store, this.#substituters, [path], options);
      if (failure === undefined) return path;
      throw unknown(name, `: ${failure.error.message}`, failure.error);
    } catch (cause) {
      if (!(cause instanceof StoreError)) throw cause;
      throw unknown(name, `: ${messageOf(cause)}`, cause);
    }
  }

  /** The store path that a symlink leads to or into; none where it leads to nothing that there is. */
  async findTargets(target: string, options: CallOptions): Promise<StorePath[]> {
    try {
      const { storePath } = splitStorePath(this.#store.storeDir, target);
      const failures = await realisePaths(this.#store, this.#substituters, [storePath], options);
      return failures.length === 0 ? [storePath] : [];
    } catch (error) {
      // Links may lead where nothing is.
      if (error instanceof NixCompatError || error instanceof StoreError) return [];
      throw error;
    }
  }

  /** Valid paths with all that they refer to, and their trees. */
  async closureOf(paths: Iterable<StorePath>, options: CallOptions): Promise<ReadonlyMap<StorePath, Node>> {
    const closure = await computeClosure(this.#store, paths, options);
    return new Map(Array.from(closure.keys(), path => [path, this.#store.rootOf(path)] as const));
  }
}

function checkContent(name: ClosureName, root: Node): void {
  const { path, digest } = name;
  if (digest === undefined || (root.kind !== 'symlink' && equalDigests(root.digest, digest))) return;
  const found = root.kind === 'symlink' ? 'a symlink' : formatDigest(root.digest);
  const message = `'${path}' is ${found} here, and not the ${formatDigest(digest)} that the action names`;
  throw new ReapiError('closure/other', message);
}

function unknown({ path }: ClosureName, why: string, cause?: Error): ReapiError {
  return new ReapiError('closure/unknown', `no store path for '${path.slice(0, 300)}'${why}`, { cause });
}
