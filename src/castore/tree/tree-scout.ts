import { type ByteString, displayBytes, unreachable } from '../../base/index.ts';
import type { BlobStore, CallOptions } from '../blob-store.ts';
import { CastoreError } from '../error.ts';
import type { Directory, DirectoryNode, FileNode, Node, SymlinkNode } from '../node.ts';
import { readDirectory } from './read-directory.ts';
import { defaultMaxDepth } from './walk.ts';

export interface ReadAheadOptions extends CallOptions {
  /** Directories within directories beyond which a tree is refused; 64 unless given. */
  readonly maxDepth?: number;
  /** Bytes of small files that are read before their turn; 8 MiB unless given. */
  readonly readAhead?: number;
  /** Reads before their turn that run at a time; 16 unless given. */
  readonly concurrency?: number;
}

export interface ScoutOptions extends ReadAheadOptions {
  /** Whether small files are read before their turn, or only directories. */
  readonly contents: boolean;
}

/** A node, or the end of a directory, in the order of tree events. */
export type TreeStep =
  | { readonly kind: 'directory'; readonly name: ByteString | undefined }
  | { readonly kind: 'end'; readonly name: undefined }
  | { readonly kind: 'symlink'; readonly name: ByteString | undefined; readonly node: SymlinkNode }
  | {
      readonly kind: 'file';
      readonly name: ByteString | undefined;
      readonly node: FileNode;
      /** For messages. */
      readonly path: () => string;
      /** The contents of a small file (undefined: absent), which are being read; else they are the taker's to read. */
      readonly bytes: Promise<Uint8Array | undefined> | undefined;
    };

/** Larger files are not read ahead. */
export const smallFileLimit = 256 * 1024;

/** How many entries are looked through for directories to load before their turn. */
const lookAhead = 256;

/** What a step costs beside the bytes of its file, so that the steps that are kept are bounded too. */
const overhead = 512;

/** A directory whose entries are being reported, or that will be next. */
interface Frame {
  readonly parent: Frame | undefined;
  readonly name: ByteString | undefined;
  readonly depth: number;
  readonly load: Load;
  /** The entry to be reported next. */
  next: number;
  /** The entry to be looked at next for directories to load ahead. */
  ahead: number;
  readonly loadsAhead: Map<number, Load>;
}

interface Load {
  readonly promise: Promise<void>;
  directory: Directory | undefined;
}

/** Walks a stored tree ahead of the one who takes its steps, and reads directories and small files before their turn. */
export class TreeScout {
  readonly #store: BlobStore;
  readonly #options: CallOptions;
  readonly #contents: boolean;
  readonly #maxDepth: number;
  readonly #readAhead: number;
  readonly #concurrency: number;

  /** The innermost directory that is being walked. */
  #frame: Frame | undefined;
  readonly #steps = new Set<TreeStep>();
  /** Cost of #steps. */
  #cost = 0;
  #reading = 0;
  /** Directories that are loaded, or being loaded, before the walk has reached them. */
  #directoriesAhead = 0;

  constructor(store: BlobStore, root: Node, options: ScoutOptions) {
    this.#store = store;
    this.#contents = options.contents;
    this.#options = { signal: options.signal };
    this.#maxDepth = options.maxDepth ?? defaultMaxDepth;
    this.#readAhead = options.readAhead ?? 8 * 1024 * 1024;
    this.#concurrency = options.concurrency ?? 16;
    this.#visit(undefined, root, undefined);
  }

  /** The next step; undefined at the end of the tree. */
  async next(): Promise<TreeStep | undefined> {
    for (;;) {
      this.#scout();
      const [step] = this.#steps;
      if (step !== undefined) {
        this.#steps.delete(step);
        this.#cost -= costOf(step);
        return step;
      }
      if (this.#frame === undefined) return undefined;
      await this.#frame.load.promise;
    }
  }

  #scout(): void {
    while (this.#frame?.load.directory !== undefined && (this.#steps.size === 0 || this.#mayReadAhead()))
      this.#advance(this.#frame, this.#frame.load.directory);
  }

  #mayReadAhead(): boolean {
    return this.#cost < this.#readAhead && this.#reading < this.#concurrency;
  }

  #advance(frame: Frame, { entries }: Directory): void {
    this.#loadAhead(frame, entries);
    const entry = entries[frame.next];
    if (entry === undefined) {
      this.#frame = frame.parent;
      this.#push({ kind: 'end', name: undefined });
    } else {
      this.#visit(entry.name, entry.node, frame);
      frame.next++;
    }
  }

  #visit(name: ByteString | undefined, node: Node, parent: Frame | undefined): void {
    const depth = parent === undefined ? 0 : parent.depth + 1;
    if (depth >= this.#maxDepth) {
      const message = `${place(parent, name)} exceeds the maximum directory depth of ${this.#maxDepth}`;
      throw new CastoreError('tree/too-deep', message);
    }
    switch (node.kind) {
      case 'directory': {
        const load = this.#takeLoad(parent) ?? this.#load(node, parent, name);
        this.#frame = { parent, name, depth, load, next: 0, ahead: 0, loadsAhead: new Map() };
        return this.#push({ kind: 'directory', name });
      }
      case 'symlink':
        return this.#push({ kind: 'symlink', name, node });
      case 'file': {
        const bytes =
          this.#contents && node.digest.size <= smallFileLimit
            ? this.#read(this.#store.get(node.digest, this.#options))
            : undefined;
        return this.#push({ kind: 'file', name, node, bytes, path: () => place(parent, name) });
      }
      default:
        unreachable(node);
    }
  }

  #push(step: TreeStep): void {
    this.#steps.add(step);
    this.#cost += costOf(step);
  }

  /** Loads the directories among the entries to come. */
  #loadAhead(frame: Frame, entries: Directory['entries']): void {
    const end = Math.min(entries.length, frame.next + lookAhead);
    for (; frame.ahead < end; frame.ahead++) {
      if (this.#directoriesAhead >= this.#concurrency || this.#reading >= this.#concurrency) return;
      const entry = entries[frame.ahead];
      if (entry?.node.kind !== 'directory' || frame.ahead < frame.next) continue;
      frame.loadsAhead.set(frame.ahead, this.#load(entry.node, frame, entry.name));
      this.#directoriesAhead++;
    }
  }

  /** The load of the entry that is next, if it was begun. */
  #takeLoad(frame: Frame | undefined): Load | undefined {
    const load = frame?.loadsAhead.get(frame.next);
    if (frame === undefined || load === undefined) return undefined;
    frame.loadsAhead.delete(frame.next);
    this.#directoriesAhead--;
    return load;
  }

  #load({ digest }: DirectoryNode, parent: Frame | undefined, name: ByteString | undefined): Load {
    const read = async () => {
      try {
        load.directory = await readDirectory(this.#store, digest, this.#options);
      } catch (error) {
        if (!(error instanceof CastoreError)) throw error;
        throw new CastoreError(error.code, `${place(parent, name)}: ${error.message}`, { cause: error });
      }
    };
    const load: { promise: Promise<void>; directory: Directory | undefined } = {
      promise: nothing,
      directory: undefined,
    };
    load.promise = this.#read(read());
    return load;
  }

  /** Counts a read, whose failure is its taker's to see, if there is one. */
  #read<T>(reading: Promise<T>): Promise<T> {
    this.#reading++;
    const counted = reading.finally(() => this.#reading--);
    counted.catch(() => undefined);
    return counted;
  }
}

const nothing = Promise.resolve();

function costOf(step: TreeStep): number {
  return overhead + (step.kind === 'file' && step.bytes !== undefined ? step.node.digest.size : 0);
}

/** A path in the tree, for messages. */
function place(parent: Frame | undefined, name: ByteString | undefined): string {
  const names: string[] = name === undefined ? [] : [displayBytes(name)];
  for (let frame = parent; frame?.name !== undefined; frame = frame.parent) names.push(displayBytes(frame.name));
  return names.length === 0 ? 'the root of the tree' : `'${names.toReversed().join('/')}' in the tree`;
}
