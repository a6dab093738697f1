import {
  CastoreError,
  type Digest,
  type Directory,
  decodeDirectory,
  decodeTreeMessage,
  digestOf,
  encodeTreeMessage,
  formatDigest,
} from '../../castore/index.ts';
import { ReapiError } from '../error.ts';

/** Bytes of the largest `Tree` that is written or read. */
export const maxTreeSize = 256 * 1024 * 1024;

/** A `Directory` of a tree, as its bytes and as what they say. */
export interface TreeDirectory {
  readonly bytes: Uint8Array;
  readonly directory: Directory;
}

/** All directories of a tree, by digest, each once. */
export type TreeDirectories = ReadonlyMap<string, TreeDirectory>;

/**
 * Reads all directories below `root`, and puts them in an order in which parents come before their children; `read` gives
 * their bytes, `check` looks at each with one of its paths.
 */
export async function gatherDirectories(
  root: Digest,
  read: (digest: Digest) => Promise<Uint8Array | undefined>,
  check: (directory: Directory, place: string) => void,
): Promise<TreeDirectories> {
  const found = new Map<string, TreeDirectory>();
  const waiting = new Map([[formatDigest(root), { digest: root, place: '' }]]);
  for (const [key, { digest, place }] of waiting) {
    const bytes = await read(digest);
    if (bytes === undefined) throw new CastoreError('blob/missing', `the directory ${key} is absent`);
    const directory = decodeDirectory(bytes);
    check(directory, place);
    found.set(key, { bytes, directory });
    for (const { name, node } of directory.entries) {
      if (node.kind !== 'directory') continue;
      const below = { digest: node.digest, place: place === '' ? name : `${place}/${name}` };
      const child = formatDigest(node.digest);
      if (!waiting.has(child)) waiting.set(child, below);
    }
  }
  return sortParentsFirst(found);
}

/** A directory comes once all that refer to it have come; the first has nobody who does. */
function sortParentsFirst(directories: TreeDirectories): TreeDirectories {
  const childrenOf = ({ directory }: TreeDirectory) => {
    return directory.entries.flatMap(({ node }) => (node.kind === 'directory' ? [formatDigest(node.digest)] : []));
  };
  const parents = new Map<string, number>();
  for (const each of directories.values()) {
    for (const child of childrenOf(each)) parents.set(child, (parents.get(child) ?? 0) + 1);
  }
  const sorted = new Map<string, TreeDirectory>();
  const ready = [...directories.keys()].slice(0, 1);
  for (let key = ready.pop(); key !== undefined; key = ready.pop()) {
    const each = directories.get(key);
    if (each === undefined) continue;
    sorted.set(key, each);
    for (const child of childrenOf(each)) {
      const left = (parents.get(child) ?? 0) - 1;
      parents.set(child, left);
      if (left === 0) ready.push(child);
    }
  }
  return sorted;
}

/** The `Tree` message, as REAPI has it where `is_topologically_sorted`: nothing but these records, the root first. */
export function encodeTree(directories: TreeDirectories): Uint8Array {
  const [root, ...children] = Array.from(directories.values(), ({ bytes }) => bytes);
  if (root === undefined) throw new TypeError('a tree without a root');
  return encodeTreeMessage(root, children);
}

export interface DecodedTree {
  readonly root: Digest;
  readonly directories: TreeDirectories;
  /** Of all files, each once. */
  readonly files: readonly Digest[];
}

/**
 * What a `Tree` says. Throws `entry/malformed` unless all directories that it names are in it and are canonical, and
 * `tree/too-deep` beyond what a tree may have.
 */
export function decodeTree(bytes: Uint8Array): DecodedTree {
  try {
    return decode(bytes);
  } catch (cause) {
    if (cause instanceof ReapiError) throw cause;
    throw new ReapiError('entry/malformed', 'a Tree message cannot be read', { cause });
  }
}

function decode(bytes: Uint8Array): DecodedTree {
  const tree = decodeTreeMessage(bytes);
  const directories = new Map<string, TreeDirectory>();
  for (const each of [tree.root, ...tree.children]) {
    directories.set(formatDigest(digestOf(each)), { bytes: each, directory: decodeDirectory(each) });
  }
  const files = new Map<string, Digest>();
  for (const { directory } of directories.values()) {
    for (const { node } of directory.entries) {
      if (node.kind === 'file') files.set(formatDigest(node.digest), node.digest);
      else if (node.kind === 'directory' && !directories.has(formatDigest(node.digest))) {
        const message = `a Tree message lacks the directory ${formatDigest(node.digest)}`;
        throw new ReapiError('entry/malformed', message);
      }
    }
  }
  return { root: digestOf(tree.root), directories, files: [...files.values()] };
}
