import { type TreeSink, unreachable } from '../../base/index.ts';
import type { BlobStore, ReadTarget, SyncReader } from '../blob-store.ts';
import { formatDigest } from '../digest.ts';
import { CastoreError } from '../error.ts';
import type { FileNode, Node } from '../node.ts';
import { defaultMaxNodes, tooManyNodes } from './survey-tree.ts';
import { type ReadAheadOptions, type TreeStep, TreeScout } from './tree-scout.ts';

export interface StreamTreeOptions extends ReadAheadOptions {
  /** Waits until whoever receives from the sink has room; called after every file and every chunk of a large one. */
  readonly drain?: () => Promise<void> | undefined;
  /**
   * Reads files there and then, piece by piece, instead of reading ahead: the quicker where it can (`DiskBlobStore`). The
   * system has most of them in memory, and another thread's help costs more than reading a piece.
   */
  readonly reader?: SyncReader;
  /** Files, directories and symlinks beyond which a tree is refused; 10 million unless given. */
  readonly maxNodes?: number;
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
  const target = options.reader === undefined ? undefined : readTarget(sink);
  const { maxNodes = defaultMaxNodes } = options;
  let nodes = 0;
  try {
    const scout = new TreeScout(store, root, { ...options, signal, contents: target === undefined });
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
          if (options.reader === undefined || target === undefined) {
            await streamFile(step, store, sink, { ...options, signal });
          } else await readFileNow(step, sink, { reader: options.reader, target, drain: options.drain, signal });
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

/** Bytes of a piece, where the sink has no memory of its own for it. */
const pieceSize = 256 * 1024;

function readTarget(sink: TreeSink): ReadTarget {
  let shared: Uint8Array | undefined;
  return {
    buffer: size => sink.roomForData?.(size) ?? (shared ??= new Uint8Array(pieceSize)),
    take: chunk => sink.fileData(chunk),
  };
}

interface ReadNowOptions {
  readonly reader: SyncReader;
  readonly target: ReadTarget;
  readonly drain: StreamTreeOptions['drain'];
  readonly signal: AbortSignal;
}

/** Passes a file on, waiting for nothing but room between its pieces. */
async function readFileNow(
  { node, path }: TreeStep & { readonly kind: 'file' },
  sink: TreeSink,
  { reader, target, drain, signal }: ReadNowOptions,
): Promise<void> {
  sink.startFile(node.executable, node.digest.size);
  const pieces = reader.readPieces(node, target);
  try {
    let piece = pieces.next();
    for (; piece.done !== true; piece = pieces.next()) {
      await drain?.();
      signal.throwIfAborted();
    }
    if (!piece.value) throw absent(node, path);
  } finally {
    pieces.return(false);
  }
  sink.endFile();
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
