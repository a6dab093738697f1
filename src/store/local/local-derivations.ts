import { lstatSync, readFileSync } from 'node:fs';
import { byteStringOf } from '../../base/index.ts';
import { type Node, type DiskBlobStore, CastoreError } from '../../castore/index.ts';
import {
  type Derivation,
  DerivationHasher,
  type DerivationOutputId,
  type OutputName,
  type StoreDir,
  type StorePath,
  checkDerivation,
  defaultMaxDerivationSize,
  derivationNameOf,
  hashOfOutput,
  isDerivationPath,
  outputPathsOf,
  parseDerivation,
  printStorePath,
} from '../../nix-compat/index.ts';
import type { KnownOutput, PathTable } from './path-table.ts';
import type { RecordedPath } from './recorded-path.ts';

interface StagedDerivation extends RecordedPath {
  /** Where its contents are, if they are not in the castore yet. */
  readonly draft?: { readonly path: string } | undefined;
}

/** Derivations that are kept parsed; those of nixpkgs take some 4 kB each, and plans are gone through two times. */
const maxParsed = 16_384;

export interface DerivationPlaces {
  readonly paths: PathTable;
  /** Where a path is on disk. */
  readonly placeOf: (path: StorePath) => string;
  /** Where a path is on disk that may be valid without being in the castore yet; undefined where there is none such. */
  readonly earlyPlace: (path: StorePath) => string | undefined;
}

/** Reads the derivations of a local store; what they hash to is kept as long as the store is open. */
export class LocalDerivations {
  readonly #storeDir: StoreDir;
  readonly #blobs: DiskBlobStore;
  readonly #paths: PathTable;
  readonly #placeOf: DerivationPlaces['placeOf'];
  readonly #earlyPlace: DerivationPlaces['earlyPlace'];
  /** Inputs of what is valid are valid, so that need not be asked. */
  readonly #hasher: DerivationHasher;
  /** Those read last: a plan reads what is then built, and the hashes of its outputs are of the same. */
  #parsed = new Map<StorePath, Derivation>();
  #parsedBefore: ReadonlyMap<StorePath, Derivation> = new Map();
  readonly #ids = new WeakMap<Derivation, ReadonlyMap<OutputName, DerivationOutputId>>();
  /** What is about to become valid. */
  #staged: ReadonlyMap<StorePath, StagedDerivation> = new Map();

  constructor(storeDir: StoreDir, blobs: DiskBlobStore, { paths, placeOf, earlyPlace }: DerivationPlaces) {
    this.#storeDir = storeDir;
    this.#blobs = blobs;
    this.#paths = paths;
    this.#placeOf = placeOf;
    this.#earlyPlace = earlyPlace;
    this.#hasher = new DerivationHasher(storeDir, path => this.#kept(path) ?? this.read(path));
  }

  /** Undefined where `path` is not valid. Throws `derivation/…`, `blob/missing`, and as `derivationNameOf`. */
  read(path: StorePath): Derivation | undefined {
    const known = this.#kept(path);
    if (known !== undefined && this.#paths.isValid(path)) return known;
    const staged = this.#staged.get(path);
    const valid = staged ?? this.#paths.find(path);
    if (valid === undefined) return undefined;
    const derivation = this.#parse(path, valid.root);
    if (staged === undefined) this.#remember(path, derivation);
    return derivation;
  }

  /** As `read` for each, but that what cannot be read is left out; one query, or none where all are kept and `areValid`. */
  readAll(
    paths: Iterable<StorePath>,
    { areValid = false }: { readonly areValid?: boolean } = {},
  ): Map<StorePath, Derivation> {
    const found = new Map<StorePath, Derivation>();
    const left = new Set<StorePath>();
    for (const path of paths) {
      const known = areValid ? this.#kept(path) : undefined;
      if (known === undefined) left.add(path);
      else found.set(path, known);
    }
    for (const [path, root] of left.size === 0 ? [] : this.#paths.rootsOf(left)) {
      let derivation = this.#kept(path);
      if (derivation === undefined) {
        try {
          derivation = this.#parse(path, root);
        } catch {
          continue;
        }
        this.#remember(path, derivation);
      }
      found.set(path, derivation);
    }
    return found;
  }

  #kept(path: StorePath): Derivation | undefined {
    const recent = this.#parsed.get(path);
    if (recent !== undefined) return recent;
    const older = this.#parsedBefore.get(path);
    if (older !== undefined) this.#remember(path, older);
    return older;
  }

  /** Half of them are forgotten at once: forgetting the oldest, one by one, takes longer than parsing. */
  #remember(path: StorePath, derivation: Derivation): void {
    if (this.#parsed.size >= maxParsed / 2) {
      this.#parsedBefore = this.#parsed;
      this.#parsed = new Map();
    }
    this.#parsed.set(path, derivation);
  }

  /**
   * What realisations call the outputs of a derivation whose input derivations are valid. `name` is for messages. Throws
   * as `DerivationHasher.hash`.
   */
  outputIds(derivation: Derivation, name: string): ReadonlyMap<OutputName, DerivationOutputId> {
    const known = this.#ids.get(derivation);
    if (known !== undefined) return known;
    this.#readAhead(derivation);
    const hash = this.#hasher.hash(derivation, { maskOutputs: true });
    const ids = new Map<OutputName, DerivationOutputId>();
    for (const output of derivation.outputs.keys())
      ids.set(output, { derivationHash: hashOfOutput(hash, output, name), output });
    this.#ids.set(derivation, ids);
    return ids;
  }

  /** Reads all that a hash is computed from, as far as that can be kept: those that are as far away as each other together. */
  #readAhead({ inputDerivations }: Derivation): void {
    const isUnknown = (path: StorePath) => !this.#hasher.knows(path) && this.#kept(path) === undefined;
    let level = [...inputDerivations.keys()].filter(isUnknown);
    for (let left = maxParsed / 2; level.length > 1 && left > 0; left -= level.length) {
      const next = new Set<StorePath>();
      for (const input of this.readAll(level.slice(0, left)).values())
        for (const path of input.inputDerivations.keys()) if (isUnknown(path)) next.add(path);
      level = [...next];
    }
  }

  /**
   * The outputs with store paths that follow from the derivations among `added`, after these are found to be right.
   * Problems are told to `fail`, with the path they are of. `added` has its members in topological order.
   */
  outputsOf(
    added: ReadonlyMap<StorePath, StagedDerivation>,
    fail: (path: StorePath, error: unknown) => void,
  ): Map<StorePath, KnownOutput[]> {
    const outputs = new Map<StorePath, KnownOutput[]>();
    this.#staged = added;
    try {
      for (const { info, root } of added.values()) {
        if (!isDerivationPath(info.path)) continue;
        try {
          const derivation = this.#parse(info.path, root);
          checkDerivation(derivation, info.path, this.#hasher);
          const paths = outputPathsOf(derivation, this.#hasher);
          outputs.set(
            info.path,
            Array.from(paths, ([output, path]) => ({ output, path })),
          );
        } catch (error) {
          fail(info.path, error);
        }
      }
    } finally {
      this.#staged = new Map();
    }
    return outputs;
  }

  #parse(path: StorePath, root: Node | undefined): Derivation {
    const name = derivationNameOf(path);
    return parseDerivation(byteStringOf(this.#contents(path, root)), { storeDir: this.#storeDir, name });
  }

  #contents(path: StorePath, root: Node | undefined): Uint8Array {
    if (root === undefined) return this.#contentsAtPlace(path);
    const printed = printStorePath(this.#storeDir, path);
    if (root.kind !== 'file' || root.digest.size > defaultMaxDerivationSize) {
      const what = root.kind === 'file' ? 'too large' : 'no plain file';
      throw new CastoreError('tree/unsupported-type', `the derivation '${printed}' is ${what}`);
    }
    const draft = this.#staged.get(path)?.draft;
    // Not in the castore before it is placed.
    if (draft !== undefined) return readFileSync(draft.path);
    const bytes = new Uint8Array(root.digest.size);
    let at = 0;
    const found = this.#blobs.readSync(root, {
      buffer: size => bytes.subarray(at, at + size),
      take: chunk => {
        bytes.set(chunk, at);
        at += chunk.byteLength;
      },
    });
    const early = found ? undefined : this.#earlyPlace(path);
    if (early !== undefined) return readFileSync(early);
    if (!found) throw new CastoreError('blob/missing', `the contents of '${printed}' are not in the store`);
    return bytes;
  }

  /** Of a derivation that is in the store directory alone. */
  #contentsAtPlace(path: StorePath): Uint8Array {
    const place = this.#placeOf(path);
    const stats = lstatSync(place);
    if (stats.isFile() && stats.size <= defaultMaxDerivationSize) return readFileSync(place);
    const what = stats.isFile() ? 'too large' : 'no plain file';
    throw new CastoreError('tree/unsupported-type', `the derivation '${place}' is ${what}`);
  }
}
