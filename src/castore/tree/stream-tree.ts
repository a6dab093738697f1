import { type TreeSink, unreachable } from '../../base/index.ts';
import type { BlobStore, ReadTarget, SyncReader } from '../blob-store.ts';
import { formatDigest } from '../digest.ts';
import { CastoreError } from '../error.ts';
import type { FileNode, Node } from '../node.ts';
import { defaultMaxNodes, tooManyNodes } from './survey-tree.ts';
import { type ReadAheadOptions, type TreeStep, TreeScout, smallFileLimit } from './tree-scout.ts';

export interface StreamTreeOptions extends ReadAheadOptions {
  /** Waits until whoever receives from the sink has room; called after every file and every chunk of a large one. */
  readonly drain?: () => Promise<void> | undefined;
  /** Reads small files there and then, instead of reading ahead: the quicker where it can (`DiskBlobStore`). */
  readonly reader?: SyncReader;
  /** Files, directories and symlinks beyond which a tree is refused; 10 million unless given. */
  readonly maxNodes?: number;
  /** Where `reader` reads to; lent to `fileData`. Memory for the largest small file unless given. */
  readonly buffer?: (size: number) => Uint8Array;
}

/**
 * Reports the tree at `root` to `sink`, in the order of a NAR, reading ahead. Throws `blob/missing`, which names the
 * path, `tree/too-deep`, and what `decodeDirectory` throws for a directory that is none. A tree of few blobs can have
 * very many nodes, each blob many times: `tree/too-many-nodes`. Bytes of files are for the sink to bound.
 */
export async function streamTree(
  store: BlobStore,
  root: Node,
  sink: TreeSink,
  options: StreamTreeOptions = {},
): Promise<void> {
  // Ends the reads ahead when the sink refuses something.
  const stop = new AbortController();
  const signal = options.signal === undefined ? stop.signal : AbortSignal.any([options.signal, stop.signal]);
  const readNow = syncReader(sink, options);
  const { maxNodes = defaultMaxNodes } = options;
  let nodes = 0;
  try {
    const scout = new TreeScout(store, root, { ...options, signal, contents: readNow === undefined });
    for (let step = await scout.next(); step !== undefined; step = await scout.next()) {
      signal.throwIfAborted();
      if (step.kind !== 'end' && ++nodes > maxNodes) throw tooManyNodes(maxNodes);
      if (step.name !== undefined) sink.entry(step.name);
      switch (step.kind) {
        case 'directory':
          sink.startDirectory();
          break;
        case 'end':
          sink.endDirectory();
          break;
        case 'symlink':
          sink.symlink(step.node.target);
          break;
        case 'file': {
          if (readNow?.(step) !== true) await streamFile(step, store, sink, { ...options, signal });
          const wait = options.drain?.();
          if (wait !== undefined) await wait;
          break;
        }
        default:
          unreachable(step);
      }
    }
  } finally {
    stop.abort();
  }
}

/** Passes a small file on there and then; false where it cannot. */
function syncReader(
  sink: TreeSink,
  { reader, buffer }: StreamTreeOptions,
): ((step: TreeStep & { readonly kind: 'file' }) => boolean) | undefined {
  if (reader === undefined) return undefined;
  let shared: Uint8Array | undefined;
  const target: ReadTarget = {
    buffer: buffer ?? (() => (shared ??= new Uint8Array(smallFileLimit))),
    take: chunk => sink.fileData(chunk),
  };
  return ({ node, path }) => {
    const { digest, executable } = node;
    if (digest.size > smallFileLimit) return false;
    sink.startFile(executable, digest.size);
    if (!reader.readSync(node, target)) throw absent(node, path);
    sink.endFile();
    return true;
  };
}

async function streamFile(
  { node, bytes, path }: TreeStep & { readonly kind: 'file' },
  store: BlobStore,
  sink: TreeSink,
  options: StreamTreeOptions,
): Promise<void> {
  const { digest, executable } = node;
  const whole = await bytes;
  const chunks = bytes === undefined ? await store.open(digest, { signal: options.signal }) : undefined;
  if (whole === undefined && chunks === undefined) throw absent(node, path);
  sink.startFile(executable, digest.size);
  if (whole !== undefined && whole.byteLength > 0) sink.fileData(whole);
  for await (const chunk of chunks ?? []) {
    sink.fileData(chunk);
    await options.drain?.();
  }
  sink.endFile();
}

function absent({ digest }: FileNode, path: () => string): CastoreError {
  return new CastoreError('blob/missing', `${path()}: the blob ${formatDigest(digest)} is absent`);
}
