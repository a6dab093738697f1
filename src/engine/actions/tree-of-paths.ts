import { type ByteString, byteStringFromText } from '../../base/index.ts';
import { type BlobBatch, type Digest, DirectoryBuilder, type Node, encodeDirectory } from '../../castore/index.ts';

/** Folders by name, and the nodes in them. */
type Folder = Map<string, Folder | Node>;

/** A tree that is made of nodes at their places. */
export class TreeOfPaths {
  readonly #root: Folder = new Map();

  /** Puts `node` at an absolute path; what is there already stays. */
  put(path: string, node: Node): void {
    const names = path.split('/').filter(name => name !== '');
    const last = names.pop();
    if (last === undefined) throw new TypeError('a node is to be the root');
    let folder = this.#root;
    for (const name of names) {
      const next = folder.get(name) ?? new Map();
      if (!(next instanceof Map)) throw new TypeError(`something is in the way of '${path}'`);
      folder.set(name, next);
      folder = next;
    }
    if (!folder.has(last)) folder.set(last, node);
  }

  /** Adds its directories; the root's digest. */
  async addTo(batch: BlobBatch): Promise<Digest> {
    return addFolder(this.#root, batch);
  }
}

async function addFolder(folder: Folder, batch: BlobBatch): Promise<Digest> {
  const builder = new DirectoryBuilder();
  const nodes: [ByteString, Node][] = [];
  for (const [name, item] of folder) {
    const node: Node = item instanceof Map ? { kind: 'directory', digest: await addFolder(item, batch) } : item;
    nodes.push([byteStringFromText(name), node]);
  }
  nodes.sort(([a], [b]) => (a < b ? -1 : 1));
  for (const [name, node] of nodes) builder.add(name, node);
  return batch.put(encodeDirectory(builder.build()));
}
