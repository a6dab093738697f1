import { type TreeSink, errnoOf, messageOf } from '../../../base/index.ts';
import { walkTreeToEnd } from '../../../castore/index.ts';
import { Hasher, NarWriter } from '../../../nix-compat/index.ts';
import { NarHasher } from '../../content-hasher.ts';
import { type PipeMemory, PipeWriter, readPipe } from './nar-pipe.ts';

/** What a file tree on disk has turned out to be. */
export type HashedTree =
  | {
      readonly kind: 'hashed';
      /** The SHA-256 of its NAR. */
      readonly digest: Uint8Array;
      /** The inodes of its files. */
      readonly inodes: Float64Array;
    }
  | FailedTree;

/** A tree that was read to its end. */
export type ReadTree = { readonly kind: 'read'; readonly inodes: Float64Array } | FailedTree;

interface FailedTree {
  readonly kind: 'failed';
  readonly message: string;
  readonly code: string | undefined;
}

/** Hashes the file tree at `path`. */
export function hashTree(path: string): HashedTree {
  const hasher = new NarHasher();
  const read = walk(path, hasher.sink);
  return read.kind === 'failed' ? read : { kind: 'hashed', digest: hasher.finish().digest, inodes: read.inodes };
}

/** Renders the NAR of the file tree at `path` into a pipe, for `hashPipe`. */
export function readTree(path: string, memory: PipeMemory): ReadTree {
  const pipe = new PipeWriter(memory);
  try {
    return walk(path, new NarWriter(bytes => pipe.write(bytes)));
  } finally {
    pipe.end();
  }
}

/** The SHA-256 of what comes out of a pipe. */
export async function hashPipe(memory: PipeMemory, signal?: AbortSignal): Promise<Uint8Array> {
  const hasher = new Hasher('sha256');
  await readPipe(memory, bytes => hasher.update(bytes), signal);
  return hasher.finish().digest;
}

function walk(path: string, sink: TreeSink): ReadTree {
  try {
    const inodes: number[] = [];
    walkTreeToEnd(path, sink, { opened: ({ ino }) => void inodes.push(ino), ...lentBuffer });
    return { kind: 'read', inodes: Float64Array.from(inodes) };
  } catch (error) {
    return { kind: 'failed', message: messageOf(error), code: errnoOf(error) };
  }
}

let buffer: Uint8Array<ArrayBuffer> | undefined;

/** The same memory for every tree. */
const lentBuffer = { buffer: () => (buffer ??= new Uint8Array(1024 * 1024)) };
