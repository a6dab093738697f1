import { displayBytes } from '../../base/index.ts';
import type { BlobStore, CallOptions } from '../blob-store.ts';
import { type Digest, formatDigest } from '../digest.ts';
import { CastoreError } from '../error.ts';
import type { FileNode, Node } from '../node.ts';
import { readDirectory } from './read-directory.ts';
import { defaultMaxDepth } from './walk.ts';

/** Files, directories and symlinks of one tree. Few blobs can be a tree of any size, each directory in it many times. */
export const defaultMaxNodes = 10_000_000;

export interface TreeSurvey {
  /** Each once, with the same blob as an executable and as a plain file being two. */
  readonly files: readonly FileNode[];
  /** Of all kinds, as often as they are in the tree. */
  readonly nodes: number;
}

export interface SurveyOptions extends CallOptions {
  readonly maxNodes?: number;
}

/** A directory with all that is below it. */
interface Extent {
  readonly nodes: number;
  /** Directories on the longest way down, this one included. */
  readonly height: number;
}

/**
 * Looks through a tree and reads each of its directories once, however often the tree has it. Throws `blob/missing`,
 * which names a path, `tree/too-deep` (of more than 64), `tree/too-many-nodes`, and what `decodeDirectory` throws.
 */
export async function surveyTree(store: BlobStore, root: Node, options: SurveyOptions = {}): Promise<TreeSurvey> {
  const { maxNodes = defaultMaxNodes, signal } = options;
  const files = new Map<string, FileNode>();
  const extents = new Map<string, Extent>();
  const whole = root.kind === 'directory' ? await survey(root.digest, '', 0) : leaf(root);
  return { files: [...files.values()], nodes: whole.nodes };

  function leaf(node: Exclude<Node, { readonly kind: 'directory' }>): Extent {
    if (node.kind === 'file') files.set(node.digest.hash + node.executable, node);
    return { nodes: 1, height: 0 };
  }

  async function survey(digest: Digest, place: string, depth: number): Promise<Extent> {
    signal?.throwIfAborted();
    const key = formatDigest(digest);
    const known = extents.get(key);
    // Looked at again where it is too deep, for the message to name the place.
    if (known !== undefined && depth + known.height <= defaultMaxDepth) return known;
    if (depth >= defaultMaxDepth) {
      const message = `path '${place}' in the tree exceeds the maximum directory depth of ${defaultMaxDepth}`;
      throw new CastoreError('tree/too-deep', message);
    }
    let nodes = 1;
    let height = 0;
    const { entries } = await readDirectory(store, digest, {
      signal,
      place: place === '' ? 'the root of the tree' : place,
    });
    for (const { name, node } of entries) {
      const at = () => (place === '' ? displayBytes(name) : `${place}/${displayBytes(name)}`);
      const extent = node.kind === 'directory' ? await survey(node.digest, at(), depth + 1) : leaf(node);
      nodes += extent.nodes;
      height = Math.max(height, extent.height);
      if (nodes > maxNodes) throw tooManyNodes(maxNodes);
    }
    const extent = { nodes, height: height + 1 };
    extents.set(key, extent);
    return extent;
  }
}

export function tooManyNodes(limit: number): CastoreError {
  const message = `the tree has more than ${limit} files, directories and symlinks, which is the limit`;
  return new CastoreError('tree/too-many-nodes', message);
}
