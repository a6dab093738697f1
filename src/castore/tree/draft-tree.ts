import type { ByteString } from '../../base/index.ts';
import type { BlobBatch, CallOptions } from '../blob-store.ts';
import type { Digest } from '../digest.ts';
import { DirectoryBuilder } from '../directory-builder.ts';
import { encodeDirectory } from '../directory.ts';
import type { Node, SymlinkNode } from '../node.ts';

/** A file whose contents may still be on their way to a batch. Hard links are one content of several files. */
export interface DraftFile {
  readonly kind: 'file';
  readonly executable: boolean;
  readonly content: { digest: Digest | undefined };
}

export type DraftLeaf = DraftFile | SymlinkNode;

/** A directory that is still changing. */
export class DraftDirectory {
  readonly kind = 'directory';
  readonly entries = new Map<ByteString, DraftNode>();
  /** Whether it is there only since something else lies below it, and nothing was said of itself. */
  isImplied = false;
}

export type DraftNode = DraftLeaf | DraftDirectory;

interface Frame {
  /** In the directory before it on the stack; undefined for the root. */
  readonly name: ByteString | undefined;
  readonly left: [ByteString, DraftNode][];
  readonly done: DirectoryBuilder;
}

/** Adds the directories of a draft to a batch and gives its root. All contents have been added to that batch before. */
export async function putDraft(batch: BlobBatch, root: DraftNode, options: CallOptions = {}): Promise<Node> {
  if (root.kind !== 'directory') return nodeOf(root);
  // A stack of its own, as nesting is the draft's to choose.
  const stack = [enter(undefined, root)];
  for (let frame = stack.at(-1); frame !== undefined; frame = stack.at(-1)) {
    const next = frame.left.pop();
    if (next !== undefined) {
      const [name, node] = next;
      if (node.kind === 'directory') stack.push(enter(name, node));
      else frame.done.add(name, nodeOf(node));
      continue;
    }
    stack.pop();
    const digest = await batch.put(encodeDirectory(frame.done.build()), { signal: options.signal });
    const parent = stack.at(-1);
    if (parent === undefined || frame.name === undefined) return { kind: 'directory', digest };
    parent.done.add(frame.name, { kind: 'directory', digest });
  }
  throw new TypeError('the root was not reached');
}

function enter(name: ByteString | undefined, { entries }: DraftDirectory): Frame {
  return { name, left: [...entries], done: new DirectoryBuilder() };
}

function nodeOf(leaf: DraftLeaf): Node {
  if (leaf.kind === 'symlink') return leaf;
  const { executable, content } = leaf;
  if (content.digest === undefined) throw new TypeError('a file of the draft has not been added');
  return { kind: 'file', digest: content.digest, executable };
}
