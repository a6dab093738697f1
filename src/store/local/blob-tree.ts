import { displayBytes, unreachable } from '../../base/index.ts';
import {
  type BlobStore,
  type CallOptions,
  CastoreError,
  type Node,
  formatDigest,
  readDirectory,
} from '../../castore/index.ts';
import { StoreError } from '../error.ts';
import type { TreeAccess, TreeEntry, TreePath } from '../store.ts';

/** A tree of the castore to look around in. Throws `blob/missing` where a part of it is gone. */
export class BlobTree implements TreeAccess {
  readonly #blobs: BlobStore;
  readonly #root: Node;
  readonly #name: string;

  /** `name` is what messages call the root. */
  constructor(blobs: BlobStore, root: Node, name: string) {
    this.#blobs = blobs;
    this.#root = root;
    this.#name = name;
  }

  async lookup(path: TreePath, options: CallOptions = {}): Promise<TreeEntry | undefined> {
    const node = await this.#find(path, options);
    if (node === undefined) return undefined;
    switch (node.kind) {
      case 'directory': {
        const { entries } = await readDirectory(this.#blobs, node.digest, { ...options, place: this.#place(path) });
        return { type: 'directory', names: entries.map(({ name }) => name) };
      }
      case 'file':
        return { type: 'regular', size: node.digest.size, executable: node.executable };
      case 'symlink':
        return { type: 'symlink', target: node.target };
      default:
        return unreachable(node);
    }
  }

  async *read(path: TreePath, options: CallOptions = {}): AsyncIterable<Uint8Array> {
    const node = await this.#find(path, options);
    if (node?.kind !== 'file') {
      throw new StoreError('tree/not-a-file', `'${this.#place(path)}' is not a regular file`);
    }
    const chunks = await this.#blobs.open(node.digest, options);
    if (chunks === undefined) {
      const message = `'${this.#place(path)}': the blob ${formatDigest(node.digest)} is absent`;
      throw new CastoreError('blob/missing', message);
    }
    yield* chunks;
  }

  async #find(path: TreePath, options: CallOptions): Promise<Node | undefined> {
    let node: Node | undefined = this.#root;
    for (const [depth, name] of path.entries()) {
      if (node.kind !== 'directory') return undefined;
      const place = this.#place(path.slice(0, depth));
      const { entries } = await readDirectory(this.#blobs, node.digest, { ...options, place });
      node = entries.find(entry => entry.name === name)?.node;
      if (node === undefined) return undefined;
    }
    return node;
  }

  #place(path: TreePath): string {
    return [this.#name, ...path.map(name => displayBytes(name))].join('/');
  }
}
