import { type ByteString, displayBytes } from '../../base/index.ts';
import { type BlobStore, type CallOptions, type Digest, type Sha256, readDirectory } from '../../castore/index.ts';

/** Directories whose links are remembered: those of input roots come again and again. */
const maxRemembered = 100_000;

/** Finds symlinks that lead to a store, in trees that have much in common. */
export class StoreLinks {
  readonly #prefix: string;
  readonly #known = new Map<Sha256, ReadonlySet<ByteString>>();

  /** `storeDir` as symlinks name it. */
  constructor(storeDir: string) {
    this.#prefix = `${storeDir}/`;
  }

  /** The targets below the store directory of all symlinks in a tree. Throws `blob/missing`. */
  async find(store: BlobStore, directory: Digest, options: CallOptions = {}): Promise<ReadonlySet<ByteString>> {
    const known = this.#known.get(directory.hash);
    if (known !== undefined) return known;
    let links: ReadonlySet<ByteString> | undefined;
    const add = (more: Iterable<ByteString>) => {
      const merged = new Set([...(links ?? []), ...more]);
      if (merged.size > 0) links = merged;
    };
    const { entries } = await readDirectory(store, directory, { ...options, place: 'the input root' });
    for (const { node } of entries) {
      if (node.kind === 'directory') add(await this.find(store, node.digest, options));
      else if (node.kind === 'symlink' && displayBytes(node.target).startsWith(this.#prefix)) add([node.target]);
    }
    const found = links ?? none;
    if (this.#known.size >= maxRemembered) this.#known.clear();
    this.#known.set(directory.hash, found);
    return found;
  }
}

const none: ReadonlySet<ByteString> = new Set();
