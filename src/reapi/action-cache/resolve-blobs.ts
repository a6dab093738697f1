import {
  type BlobAliases,
  type CallOptions,
  CastoreError,
  type Digest,
  type DiskBlobStore,
  type ForeignDigest,
  type ForeignStore,
  type HeldBlobs,
  decodeForeignDirectory,
  equalDigests,
  formatForeignDigest,
  importForeignDirectory,
  importGitDirectory,
  importTreeMessage,
  maxDirectorySize,
} from '../../castore/index.ts';
import { ReapiError } from '../error.ts';
import { maxTreeSize } from '../store/tree-message.ts';
import { checkTree } from './check-tree.ts';
import type { NamedBlobs } from './named-blobs.ts';

/** A store's blobs and directories under the names of other digest functions. */
export function foreignStoreOf(store: DiskBlobStore): ForeignStore & { readonly store: DiskBlobStore } {
  return { store, blobs: store.blobAliases, directories: store.directoryAliases };
}

/**
 * What a hold keeps so that all that a result names stays: blobs of ours, and directories of ours for its trees. The caller
 * keeps collections away. Throws `blobs/missing` with all that is absent, and `message/malformed`.
 */
export async function resolveBlobs(
  store: DiskBlobStore,
  named: NamedBlobs,
  options: CallOptions = {},
): Promise<HeldBlobs> {
  const found = new ResolvedBlobs(store, options);
  await found.addBlobs(named.files);
  for (const tree of named.trees) await found.addTree(tree);
  for (const directory of named.directories) await found.addDirectory(directory);
  return found.finish();
}

class ResolvedBlobs {
  readonly #store: DiskBlobStore;
  readonly #options: CallOptions;
  readonly #blobs: Digest[] = [];
  readonly #directories: Digest[] = [];
  readonly #missing = new Map<string, ForeignDigest>();
  #size = 0;

  constructor(store: DiskBlobStore, options: CallOptions) {
    this.#store = store;
    this.#options = options;
  }

  /** Returns those of ours that are there, in the order of `named`. */
  async addBlobs(named: readonly ForeignDigest[]): Promise<(Digest | undefined)[]> {
    const digests = await this.#aliases.find(named, this.#options);
    const known = digests.filter(digest => digest !== undefined);
    const absent = await this.#store.findMissing(known, this.#options);
    return named.map((name, at) => {
      const digest = digests[at];
      if (digest === undefined || absent.some(other => equalDigests(other, digest))) {
        this.#missing.set(formatForeignDigest(name), name);
        return undefined;
      }
      this.#blobs.push(digest);
      this.#size += digest.size;
      return digest;
    });
  }

  get #aliases(): BlobAliases {
    return this.#store.blobAliases;
  }

  async addTree(named: ForeignDigest): Promise<void> {
    if (named.function === 'gittree') return this.#addGitTree(named);
    const [digest] = await this.addBlobs([named]);
    if (digest === undefined) return;
    const bytes = await this.#store.get(digest, { ...this.#options, limit: maxTreeSize });
    if (bytes === undefined) return;
    const message = { bytes, digestFunction: named.function };
    await this.#addOwn(named, () => importTreeMessage(message, foreignStoreOf(this.#store), this.#options));
  }

  /** As just's native mode has directories. */
  #addGitTree(named: ForeignDigest): Promise<void> {
    return this.#addOwn(named, async () => {
      const { directory, objects } = await importGitDirectory(named, foreignStoreOf(this.#store), this.#options);
      this.#blobs.push(...objects);
      this.#size += objects.reduce((sum, { size }) => sum + size, 0);
      return directory;
    });
  }

  async addDirectory(named: ForeignDigest): Promise<void> {
    if (!(await this.#addMessages(named))) return;
    await this.#addOwn(named, () => importForeignDirectory(named, foreignStoreOf(this.#store), this.#options));
  }

  /** The messages themselves, where they are not the directories of ours; false where one is absent. */
  async #addMessages(root: ForeignDigest): Promise<boolean> {
    const seen = new Set<string>();
    const pending = [root];
    let isWhole = true;
    for (let named = pending.pop(); named !== undefined; named = pending.pop()) {
      const key = formatForeignDigest(named);
      if (seen.has(key)) continue;
      seen.add(key);
      const { function: digestFunction } = named;
      const [digest] = await this.addBlobs([named]);
      const bytes = digest && (await this.#store.get(digest, { ...this.#options, limit: maxDirectorySize }));
      if (bytes === undefined) {
        isWhole = false;
        continue;
      }
      for (const { node } of decodeChecked(bytes, named).entries)
        if (node.kind === 'directory') pending.push({ function: digestFunction, ...node.digest });
    }
    return isWhole;
  }

  async #addOwn(named: ForeignDigest, importIt: () => Promise<Digest>): Promise<void> {
    let directory: Digest;
    try {
      directory = await importIt();
    } catch (error) {
      if (!(error instanceof CastoreError) || error.code.startsWith('data-folder/')) throw error;
      if (error.code === 'blob/missing') {
        const message = `what ${formatForeignDigest(named)} names is not whole: ${error.message}`;
        throw new ReapiError('blobs/missing', message, { cause: error, missing: this.#missingOr(named) });
      }
      throw malformed(named, error);
    }
    this.#directories.push(directory);
    const { size, missing } = await checkTree(this.#store, directory, this.#options);
    this.#size += size;
    for (const digest of await this.#foreignNames(missing, named))
      this.#missing.set(formatForeignDigest(digest), digest);
  }

  #missingOr(named: ForeignDigest): ForeignDigest[] {
    return this.#missing.size > 0 ? [...this.#missing.values()] : [named];
  }

  /** What absent blobs of ours are called in the function of `named`. */
  async #foreignNames(missing: readonly Digest[], named: ForeignDigest): Promise<ForeignDigest[]> {
    const names = await this.#aliases.findForeign(missing, named.function, this.#options);
    return names.map(name => name ?? named);
  }

  finish(): HeldBlobs {
    if (this.#missing.size > 0) {
      const missing = [...this.#missing.values()];
      const shown = missing.slice(0, 3).map(formatForeignDigest).join(', ');
      const more = missing.length > 3 ? ` and ${missing.length - 3} more` : '';
      throw new ReapiError('blobs/missing', `the result names blobs that are not in the store: ${shown}${more}`, {
        missing,
      });
    }
    return { blobs: this.#blobs, directories: this.#directories, size: this.#size };
  }
}

function decodeChecked(bytes: Uint8Array, named: ForeignDigest) {
  try {
    return decodeForeignDirectory(bytes, named.function);
  } catch (error) {
    if (error instanceof CastoreError) throw malformed(named, error);
    throw error;
  }
}

function malformed(named: ForeignDigest, cause: CastoreError): ReapiError {
  const message = `${formatForeignDigest(named)} is no tree: ${cause.message}`;
  return new ReapiError('message/malformed', message, { cause });
}
