import { type Stats, readFileSync, statSync } from 'node:fs';
import { type ByteString, equalBytes } from '../../base/index.ts';
import type { FileInfo, FileType } from '../../eval/index.ts';
import { fsPathOf, statFile } from '../evaluation/read-files.ts';
import { hashBytes } from '../../nix-compat/index.ts';
import { Fingerprints } from './fingerprint.ts';
import {
  type EvaluationInputs,
  type MarkedInputs,
  type TakenEntries,
  type TreeInputs,
  encodeKind,
  joinPaths,
  takenMarks,
  unknownKind,
} from './inputs.ts';

/** Hears of all that an evaluation reads of the machine. `isWhole` turns false where it read what cannot be told here. */
export class InputRecorder {
  readonly #kinds = new Map<ByteString, string>();
  readonly #files: MarkedTable;
  readonly #directories: MarkedTable;
  readonly #links = new Map<ByteString, ByteString>();
  readonly #trees: HashedTree[] = [];
  readonly #now: () => number;
  readonly #variables = new Map<string, string | undefined>();
  #isWhole = true;

  /** `now` is in ms since 1970. */
  constructor(now: () => number = Date.now) {
    this.#files = new MarkedTable(now);
    this.#directories = new MarkedTable(now);
    this.#now = now;
  }

  /** Whether the same inputs make the same result. */
  get isWhole(): boolean {
    return this.#isWhole;
  }

  /** Something was read that is another each time, or that failed to be read. */
  lose(): void {
    this.#isWhole = false;
  }

  kind(path: ByteString, info: FileInfo | undefined): void {
    const found = encodeKind(info);
    if (this.#kinds.get(path) === found) return;
    // One that changed while it was looked at.
    if (this.#kinds.has(path)) this.lose();
    this.#kinds.set(path, found);
  }

  /** `stats` are of before the contents were read. */
  file(path: ByteString, stats: Stats, contents: Uint8Array): void {
    const isSame = stats.isFile() && this.#files.add(path, stats, () => sha256(contents));
    if (!isSame) this.lose();
  }

  /**
   * A file that is going to be read by others than the evaluation's own file system, if it is there. A symlink counts as what it
   * leads to. Throws the system's errors.
   */
  otherFile(path: ByteString): void {
    const info = statFile(path);
    this.kind(path, info);
    const stats = info === undefined ? undefined : statSync(fsPathOf(path), { throwIfNoEntry: false });
    if (stats?.isFile() === true) this.file(path, stats, readFileSync(fsPathOf(path)));
    else if (stats !== undefined) this.lose();
  }

  /** `stats` are of before the entries were listed. */
  directory(path: ByteString, stats: Stats, entries: ReadonlyMap<ByteString, FileType | undefined>): void {
    if (!this.#directories.add(path, stats, () => digestOfListing(entries))) this.lose();
  }

  link(path: ByteString, target: ByteString): void {
    this.#links.set(path, target);
  }

  /** A tree that is going to be hashed. */
  tree(root: ByteString, taken: TakenEntries): TreeRecording {
    const paths: ByteString[] = [];
    const marks = new Fingerprints();
    return {
      entry: (path, stats) => {
        paths.push(path);
        marks.add(stats, this.#now());
      },
      finish: digest => {
        this.#trees.push({ root, taken, digest, paths, marks });
      },
    };
  }

  variable(name: string, value: string | undefined): void {
    this.#variables.set(name, value);
  }

  finish(): EvaluationInputs {
    const files = this.#files.finish();
    const kinds = this.#files.paths.map(path => this.#kinds.get(path) ?? unknownKind).join('');
    // A file that is known again is of the same kind.
    const others = [...this.#kinds].filter(([path]) => !this.#files.has(path));
    return {
      kinds: { paths: joinPaths(others.map(([path]) => path)), found: others.map(([, kind]) => kind).join('') },
      files: { ...files, kinds },
      directories: this.#directories.finish(),
      links: { paths: joinPaths([...this.#links.keys()]), targets: joinPaths([...this.#links.values()]) },
      trees: toTreeInputs(this.#trees),
      variables: [...this.#variables],
    };
  }
}

interface HashedTree {
  readonly root: ByteString;
  readonly taken: TakenEntries;
  readonly digest: Uint8Array;
  readonly paths: readonly ByteString[];
  readonly marks: Fingerprints;
}

function toTreeInputs(trees: readonly HashedTree[]): TreeInputs {
  return {
    roots: joinPaths(trees.map(({ root }) => root)),
    taken: trees.map(({ taken }) => takenMarks[taken]).join(''),
    digests: Buffer.concat(trees.map(({ digest }) => digest)),
    counts: Uint32Array.from(trees, ({ paths }) => paths.length),
    paths: joinPaths(trees.flatMap(({ paths }) => paths)),
    marks: Float64Array.from(trees.flatMap(({ marks }) => [...marks.toArray()])),
  };
}

/** Hears of a tree while it is hashed. */
export interface TreeRecording {
  /** The root, or something in it; `stats` are of before it was read. */
  readonly entry: (path: ByteString, stats: Stats) => void;
  /** `digest`: of its NAR. */
  readonly finish: (digest: Uint8Array) => void;
}

class MarkedTable {
  readonly marks = new Fingerprints();
  readonly #indexes = new Map<ByteString, number>();
  readonly #digests: Uint8Array[] = [];
  readonly #now: () => number;

  constructor(now: () => number) {
    this.#now = now;
  }

  get paths(): ByteString[] {
    return [...this.#indexes.keys()];
  }

  has(path: ByteString): boolean {
    return this.#indexes.has(path);
  }

  /** False where it is not as it was when it was added first. */
  add(path: ByteString, stats: Stats, digest: () => Uint8Array): boolean {
    const index = this.#indexes.get(path);
    if (index !== undefined)
      return this.marks.isSame(index, stats) || equalBytes(this.#digests[index] ?? noBytes, digest());
    this.#indexes.set(path, this.#indexes.size);
    this.marks.add(stats, this.#now());
    this.#digests.push(digest());
    return true;
  }

  finish(): MarkedInputs {
    return { paths: joinPaths(this.paths), marks: this.marks.toArray(), digests: Buffer.concat(this.#digests) };
  }
}

const noBytes = new Uint8Array(0);

export function sha256(bytes: Uint8Array): Uint8Array {
  return hashBytes('sha256', bytes).digest;
}

/** SHA-256 of the names and types of a folder's entries, in any order. */
export function digestOfListing(entries: ReadonlyMap<ByteString, FileType | undefined>): Uint8Array {
  // A name ends with what no name has.
  const lines = Array.from(entries, ([name, type]) => `${name}/${type ?? ''}/`).toSorted();
  return sha256(Buffer.from(lines.join(''), 'latin1'));
}
