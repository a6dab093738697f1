import { type ByteString, type TreeSink, bytesOf } from '../../base/index.ts';
import { NixCompatError } from '../error.ts';
import type { HashAlgorithm } from '../hash/algorithm.ts';
import type { NixHash } from '../hash/hash.ts';
import { Hasher, hashBytes } from '../hash/hasher.ts';
import { gitObjectHeader, hashGitObject } from './git-object.ts';
import { type GitMode, type GitTreeEntry, formatGitTree } from './git-tree.ts';

/** Bytes of content up to which a file is gathered: hashing it at once is quicker than making an incremental hasher. */
const smallFile = 32 * 1024;

const maxHeaderLength = 32;

/**
 * Computes the hash that git, and Nix's ingestion method `git`, give to the tree whose events it gets. Unlike git,
 * Nix keeps directories that are empty.
 */
export class GitTreeHasher implements TreeSink {
  readonly #algorithm: HashAlgorithm;
  /** The entries so far of each open directory. */
  readonly #open: GitTreeEntry[][] = [];
  /** The name of the next node in each open directory. */
  readonly #names: ByteString[] = [];
  #root: GitTreeRoot | undefined;

  #executable = false;
  /** Bytes of the open file that are to come. */
  #left = 0;
  /** The open file when it is large, else #small holds its first #smallUsed bytes with the header. */
  #large: Hasher | undefined;
  readonly #small = Buffer.allocUnsafeSlow(maxHeaderLength + smallFile);
  #smallUsed = 0;

  constructor(algorithm: HashAlgorithm) {
    this.#algorithm = algorithm;
  }

  /** The result, once the root has ended. */
  get root(): GitTreeRoot | undefined {
    return this.#root;
  }

  startDirectory(): void {
    this.#open.push([]);
  }

  entry(name: ByteString): void {
    this.#names[this.#open.length - 1] = name;
  }

  endDirectory(): void {
    const entries = this.#open.pop() ?? [];
    this.#names.length = this.#open.length;
    this.#add('directory', hashGitObject(this.#algorithm, 'tree', formatGitTree(entries)));
  }

  startFile(executable: boolean, size: number): void {
    const header = gitObjectHeader('blob', size);
    this.#executable = executable;
    this.#left = size;
    if (size > smallFile) {
      this.#large = new Hasher(this.#algorithm);
      this.#large.update(header);
    } else {
      this.#large = undefined;
      this.#small.set(header);
      this.#smallUsed = header.length;
    }
  }

  fileData(chunk: Uint8Array): void {
    this.#left -= chunk.length;
    if (this.#left < 0) throw wrongSize('more');
    if (this.#large === undefined) {
      this.#small.set(chunk, this.#smallUsed);
      this.#smallUsed += chunk.length;
    } else this.#large.update(chunk);
  }

  endFile(): void {
    if (this.#left > 0) throw wrongSize('fewer');
    const hash =
      this.#large === undefined
        ? hashBytes(this.#algorithm, this.#small.subarray(0, this.#smallUsed))
        : this.#large.finish();
    this.#add(this.#executable ? 'executable' : 'regular', hash);
  }

  symlink(target: ByteString): void {
    this.#add('symlink', hashGitObject(this.#algorithm, 'blob', bytesOf(target)));
  }

  #add(mode: GitMode, hash: NixHash): void {
    const entries = this.#open.at(-1);
    const name = this.#names.at(-1);
    if (entries === undefined) this.#root = { mode, hash };
    else if (name !== undefined) entries.push({ name, mode, hash });
  }
}

/** A whole tree: as an entry, but without name. */
export type GitTreeRoot = Omit<GitTreeEntry, 'name'>;

function wrongSize(relation: 'more' | 'fewer'): NixCompatError {
  return new NixCompatError('git/wrong-size', `a file has ${relation} bytes than announced`);
}
