import { type Reporter, messageOf } from '../../base/index.ts';
import { type BlobStore, type CallOptions, CastoreError, type Node } from '../../castore/index.ts';
import {
  NixCompatError,
  type PathInfo,
  type StoreDir,
  type StorePath,
  maxNarInfoSize,
  parseNarInfo,
  printStorePath,
  storePathHashPart,
} from '../../nix-compat/index.ts';
import { invalidPath } from '../../store/index.ts';
import type { RemoteActionCache } from '../client/remote-action-cache.ts';
import { ReapiError } from '../error.ts';
import { entryKey } from './entry-key.ts';
import { type PathEntry, parsePathEntry } from './path-entry.ts';
import { TreeBlobs } from './tree-blobs.ts';
import { decodeTree, maxTreeSize } from './tree-message.ts';

/** A path that a cache has, all of it. */
export interface FoundPath {
  readonly info: PathInfo;
  readonly entry: PathEntry;
}

/** The tree of a found path: `blobs` has its directories at hand. */
export interface OpenedPath {
  readonly root: Node;
  readonly blobs: BlobStore;
}

export interface PathEntriesOptions {
  /** What messages call the cache. */
  readonly uri: string;
  readonly storeDir: StoreDir;
  readonly blobs: BlobStore;
  readonly results: RemoteActionCache;
  /** Found paths that are remembered; those that are missing may be added by others at any time. */
  readonly remembered: number;
  readonly reporter: Reporter;
}

/**
 * The paths of a cache. An entry that cannot be read, or of whose tree anything is missing, is none: such a cache keeps
 * what it likes.
 */
export class PathEntries {
  readonly #options: PathEntriesOptions;
  /** By hash part, in the order of their use. */
  readonly #found = new Map<string, FoundPath>();

  constructor(options: PathEntriesOptions) {
    this.#options = options;
  }

  get storeDir(): StoreDir {
    return this.#options.storeDir;
  }

  async find(path: StorePath, options: CallOptions): Promise<FoundPath | undefined> {
    const found = await this.findByHashPart(storePathHashPart(path), options);
    // The hash alone does not make it the same path.
    return found?.info.path === path ? found : undefined;
  }

  /** Throws `path/invalid`. */
  async require(path: StorePath, options: CallOptions): Promise<FoundPath> {
    const found = await this.find(path, options);
    if (found === undefined) throw invalidPath(this.storeDir, path);
    return found;
  }

  async findByHashPart(hashPart: string, options: CallOptions): Promise<FoundPath | undefined> {
    options.signal?.throwIfAborted();
    const known = this.#found.get(hashPart);
    if (known !== undefined) {
      this.remember(known);
      return known;
    }
    const { uri, reporter } = this.#options;
    const shown = `${this.storeDir}/${hashPart}-x`;
    using _query = reporter.startActivity({
      type: 'queryPathInfo',
      level: 'talkative',
      text: () => `querying info about '${shown}' on '${uri}'`,
      fields: [shown, uri],
    });
    const found = await this.#read(hashPart, options);
    if (found !== undefined) this.remember(found);
    return found;
  }

  remember(found: FoundPath): void {
    const hashPart = storePathHashPart(found.info.path);
    this.#found.delete(hashPart);
    this.#found.set(hashPart, found);
    if (this.#found.size <= this.#options.remembered) return;
    const [oldest] = this.#found.keys();
    if (oldest !== undefined) this.#found.delete(oldest);
  }

  /** The tree of a path; undefined where the cache no longer has its directories. */
  async open({ entry: { root } }: FoundPath, { signal }: CallOptions): Promise<OpenedPath | undefined> {
    const { blobs } = this.#options;
    if (root.kind !== 'directory') return { root, blobs };
    const bytes = await blobs.get(root.tree, { signal, limit: maxTreeSize });
    if (bytes === undefined) return undefined;
    const { directories } = decodeTree(bytes);
    return { root: { kind: 'directory', digest: root.digest }, blobs: new TreeBlobs(blobs, directories) };
  }

  async #read(hashPart: string, options: CallOptions): Promise<FoundPath | undefined> {
    const { results, reporter, uri } = this.#options;
    const result = await results.get(entryKey('path', this.storeDir, hashPart).action, options);
    if (result === undefined) return undefined;
    try {
      const entry = parsePathEntry(result);
      const info = await this.#readInfo(entry, hashPart, options);
      if (info === undefined || !(await this.#isComplete(entry, options))) {
        reporter.log('debug', () => `'${uri}' lacks parts of '${this.storeDir}/${hashPart}-x'`);
        return undefined;
      }
      return { info, entry };
    } catch (error) {
      const isMalformed =
        (error instanceof ReapiError && error.code.endsWith('/malformed')) ||
        error instanceof NixCompatError ||
        error instanceof CastoreError;
      if (!isMalformed) throw error;
      reporter.warn(`ignoring the entry of '${this.storeDir}/${hashPart}-x' in '${uri}': ${messageOf(error)}`);
      return undefined;
    }
  }

  async #readInfo(entry: PathEntry, hashPart: string, { signal }: CallOptions): Promise<PathInfo | undefined> {
    const bytes = await this.#options.blobs.get(entry.narInfo, { signal, limit: maxNarInfoSize });
    if (bytes === undefined) return undefined;
    const told = parseNarInfo(this.storeDir, bytes, { source: hashPart });
    const { path, narHash, narSize, references, deriver, signatures, contentAddress } = told;
    // The NAR that a narinfo tells of is nowhere.
    if (storePathHashPart(path) === hashPart) {
      return { path, narHash, narSize, references, deriver, signatures, contentAddress };
    }
    const message = `it is of ${printStorePath(this.storeDir, path)}`;
    throw new ReapiError('entry/malformed', message);
  }

  async #isComplete({ root }: PathEntry, { signal }: CallOptions): Promise<boolean> {
    const { blobs } = this.#options;
    if (root.kind === 'symlink') return true;
    if (root.kind === 'file') return (await blobs.findMissing([root.digest], { signal })).length === 0;
    const bytes = await blobs.get(root.tree, { signal, limit: maxTreeSize });
    if (bytes === undefined) return false;
    const tree = decodeTree(bytes);
    if (tree.root.hash !== root.digest.hash) throw new ReapiError('entry/malformed', 'the tree has another root');
    return (await blobs.findMissing(tree.files, { signal })).length === 0;
  }
}
