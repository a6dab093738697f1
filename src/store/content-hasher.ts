import { type TreeSink, ignoreTree, unreachable } from '../base/index.ts';
import {
  type ContentAddressMethod,
  GitTreeHasher,
  type HashAlgorithm,
  Hasher,
  ModuloHasher,
  NarWriter,
  type NixHash,
} from '../nix-compat/index.ts';
import { StoreError } from './error.ts';

/** Hashes a tree while its events pass. */
export interface ContentHasher {
  readonly sink: TreeSink;
  /** Once the tree has ended. */
  finish(): NixHash;
}

/** Hashes the NAR of the tree and counts its bytes. */
export class NarHasher implements ContentHasher {
  readonly sink: NarWriter;
  readonly #hasher: Hasher | ModuloHasher;
  #size = 0;

  /** With `hashPart`, places where it occurs are taken for zero bytes: `ModuloHasher`. */
  constructor(algorithm: HashAlgorithm = 'sha256', hashPart?: string) {
    this.#hasher = newHasher(algorithm, hashPart);
    this.sink = new NarWriter(chunk => {
      this.#hasher.update(chunk);
      this.#size += chunk.byteLength;
    });
  }

  /** Bytes of the NAR so far. */
  get size(): number {
    return this.#size;
  }

  finish(): NixHash {
    return this.#hasher.finish();
  }
}

export interface ContentHasherOptions {
  readonly method: ContentAddressMethod;
  readonly algorithm: HashAlgorithm;
  /** That of the store path, for an object that refers to itself. */
  readonly hashPart?: string | undefined;
}

/**
 * Hashes a tree as store paths of `method` name it. `text` and `flat` refuse what is not a plain file
 * (`content/not-flat`), `git` refuses algorithms that git lacks.
 */
export function contentHasher({ method, algorithm, hashPart }: ContentHasherOptions): ContentHasher {
  switch (method) {
    case 'nar':
      return new NarHasher(algorithm, hashPart);
    case 'git': {
      const sink = new GitTreeHasher(algorithm);
      return {
        sink,
        finish: () => {
          if (sink.root === undefined) throw new TypeError('the tree has not ended');
          return sink.root.hash;
        },
      };
    }
    case 'flat':
    case 'text': {
      const hasher = newHasher(algorithm, hashPart);
      const sink = plainFileOnly({ ...ignoreTree, fileData: chunk => hasher.update(chunk) });
      return { sink, finish: () => hasher.finish() };
    }
    default:
      return unreachable(method);
  }
}

function newHasher(algorithm: HashAlgorithm, hashPart: string | undefined): Hasher | ModuloHasher {
  return hashPart === undefined ? new Hasher(algorithm) : new ModuloHasher(algorithm, hashPart);
}

/** Passes a single file on as one that is not executable, as flat store paths are; refuses others (`content/not-flat`). */
export function plainFileOnly(sink: TreeSink): TreeSink {
  return {
    startDirectory: refuse('a directory'),
    symlink: refuse('a symlink'),
    entry() {},
    endDirectory() {},
    startFile: (_executable, size) => sink.startFile(false, size),
    fileData: chunk => sink.fileData(chunk),
    endFile: () => sink.endFile(),
  };
}

function refuse(what: string): () => never {
  return () => {
    throw new StoreError('content/not-flat', `only a single file can be added flat, this is ${what}`);
  };
}
