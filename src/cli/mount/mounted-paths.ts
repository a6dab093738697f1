import { type ByteString, brandAs } from '../../base/index.ts';
import type { Digest, DirectoryEntry, Node } from '../../castore/index.ts';
import type { DynamicContents, FetchOptions, FuseProblem, NodeSource, SourceOptions } from '../../fuse/index.ts';
import { NixCompatError, type StorePath, parseStorePath, storePathForm } from '../../nix-compat/index.ts';
import { type LazyPaths, type LocalStore, StoreError } from '../../store/index.ts';

export interface MountedPathsOptions {
  readonly store: LocalStore;
  readonly lazyPaths: LazyPaths;
  /** The only paths that are shown; all of them unless given. */
  readonly only: ReadonlySet<StorePath> | undefined;
  /** Why substituters are left out at the moment. */
  readonly upstreamFailures: () => readonly string[];
  readonly log: { log(level: 'error', message: string): void };
}

/** The paths of a store, and of its substituters, as what a mount shows. */
export class MountedPaths implements NodeSource {
  readonly #options: MountedPathsOptions;

  constructor(options: MountedPathsOptions) {
    this.#options = options;
  }

  /** Names and nodes if all that is shown is here and stays, else what is asked for. */
  contents(): readonly DirectoryEntry[] | DynamicContents {
    const { only } = this.#options;
    const entries = only === undefined ? [] : this.#localEntries();
    return entries.length === only?.size ? entries : { asksFor: storePathForm };
  }

  async resolveName(_view: ByteString, name: ByteString, options: SourceOptions): Promise<Node | undefined> {
    const { only, lazyPaths, upstreamFailures } = this.#options;
    const path = storePathOf(name);
    if (path === undefined || only?.has(path) === false) return undefined;
    const root = await lazyPaths.rootOf(path, options);
    // Somebody may have it who cannot be asked: that is another thing than that nobody has it.
    const [failure] = root === undefined ? upstreamFailures() : [];
    if (failure !== undefined) throw new StoreError('remote/unreachable', failure);
    return root;
  }

  async listNames(): Promise<readonly DirectoryEntry[]> {
    return this.#localEntries();
  }

  fetchBlob(digest: Digest, options: FetchOptions): Promise<Uint8Array | undefined> {
    return this.#options.lazyPaths.fetchBlob(digest, options);
  }

  reportProblem({ kind, what, message }: FuseProblem): void {
    const words = {
      damaged: 'is damaged',
      'not fetched': 'could not be had',
      'too late': 'did not come',
      failure: 'failed',
    };
    this.#options.log.log('error', `${what} ${words[kind]}: ${message}`);
  }

  #localEntries(): DirectoryEntry[] {
    const { store, only } = this.#options;
    return store.paths
      .roots()
      .filter(([path]) => only?.has(path) ?? true)
      .map(([path, node]) => ({ name: brandAs<ByteString>(path), node }));
  }
}

function storePathOf(name: ByteString): StorePath | undefined {
  try {
    return parseStorePath(name);
  } catch (error) {
    if (error instanceof NixCompatError) return undefined;
    throw error;
  }
}
