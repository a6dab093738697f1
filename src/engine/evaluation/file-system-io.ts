import { readlinkSync, statSync } from 'node:fs';
import {
  type ByteString,
  byteStringFromLatin1,
  byteStringFromText,
  byteStringOf,
  bytesOf,
  displayBytes,
  errnoOf,
  systemErrorText,
} from '../../base/index.ts';
import type { FsPath } from '../../castore/index.ts';
import {
  type AddedTree,
  type EvalIO,
  EvalError,
  type EvalMessage,
  type EvalNeed,
  type FetchedTree,
  type FileInfo,
  type FileType,
  type NeedAnswer,
  type PathToAdd,
  type ShownTrees,
} from '../../eval/index.ts';
import type { InputRecorder } from '../evaluation-cache/input-recorder.ts';
import type { TakenEntries } from '../evaluation-cache/inputs.ts';
import { FileReader } from './file-reader.ts';
import { hashTree, treeChunkSize } from './hash-tree.ts';
import { byteStringAt, fsPathOf, listDirectory, statFile } from './read-files.ts';
import { WantedOverlay } from './wanted-overlay.ts';
import {
  type DerivationFile,
  type NixHash,
  type StoreDir,
  type StorePath,
  derivationNameOf,
  hashBytes,
  makeFixedOutputPath,
  makeTextPath,
  parseDerivation,
} from '../../nix-compat/index.ts';

/** What an evaluation wants to be in the store. */
export type WantedObject =
  | {
      readonly kind: 'tree';
      readonly path: StorePath;
      /** Of the file's contents, or of the tree's NAR, as the method says. */
      readonly hash: NixHash;
      readonly addition: PathToAdd;
      /** Whether an entry of the tree is taken: its path is what `addition.path` begins. */
      readonly accepts: ((entry: FsPath) => boolean) | undefined;
    }
  | {
      readonly kind: 'text';
      readonly path: StorePath;
      readonly name: string;
      readonly contents: Uint8Array;
      readonly references: ReadonlySet<StorePath>;
    };

/** What an object refers to, but for itself. */
export function referencesOf(object: WantedObject): Iterable<StorePath> {
  return object.kind === 'text' ? object.references : (object.addition.references ?? []);
}

export interface FileSystemIOOptions {
  readonly storeDir: StoreDir;
  /** Gets what the evaluation wants to be in the store; it is not looked at again. */
  readonly want: (object: WantedObject) => void;
  readonly environment: (name: string) => string | undefined;
  readonly say: (message: EvalMessage) => void;
  readonly workingFolder: ByteString;
  /** Whether the evaluation sees what it wants in the store, as it does where that is going to be written. */
  readonly showsWanted?: boolean;
  /** Where store objects are on disk, as far as that is known and not where their paths say. */
  readonly realStoreDir?: () => string | undefined;
  /** What messages call fetched trees. */
  readonly shownTrees?: ShownTrees;
  /** Hears of all that is read of this machine, by where it is on disk. */
  readonly inputs?: InputRecorder | undefined;
}

/** This machine's files, as an evaluation sees them. Store paths are only computed; whoever is told of them adds them. */
export class FileSystemIO implements EvalIO {
  readonly storeDir: StoreDir;
  readonly workingFolder: ByteString;
  readonly #options: FileSystemIOOptions;
  readonly #reader = new FileReader();
  /** Where contents of trees pass through: they are hashed before the next call of anything. */
  #chunk: Uint8Array | undefined;
  /** What the evaluation sees as if it were in the store: all that it wants, or what was fetched for it. */
  readonly #overlay: WantedOverlay;

  constructor(options: FileSystemIOOptions) {
    this.storeDir = options.storeDir;
    this.workingFolder = options.workingFolder;
    this.#options = options;
    this.#overlay = new WantedOverlay(options.storeDir);
  }

  #want(object: WantedObject, isFetched = false): void {
    if (isFetched || this.#options.showsWanted === true) this.#overlay.add(object);
    this.#options.want(object);
  }

  /** Where the contents of a path are: elsewhere, for what is not in the store yet. */
  #sourceOf(path: ByteString): ByteString {
    const place = this.#overlay.find(path);
    return place?.kind === 'tree' ? place.source : this.#realPlaceOf(path);
  }

  /** What the store does not have may still lie where its path says. */
  #realPlaceOf(path: ByteString): ByteString {
    if (!path.startsWith(`${this.storeDir}/`)) return path;
    const folder = this.#options.realStoreDir?.();
    if (folder === undefined || folder === this.storeDir) return path;
    const name = path.slice(this.storeDir.length + 1);
    const real = (part: string) => byteStringFromLatin1(`${byteStringFromText(folder)}/${part}`);
    const [object = ''] = name.split('/', 1);
    return this.#stat(real(object)) === undefined ? path : real(name);
  }

  stat(given: ByteString): FileInfo | undefined {
    if (this.#overlay.find(given)?.kind === 'text') return { type: 'regular', executable: false };
    const path = this.#sourceOf(given);
    try {
      return this.#stat(path);
    } catch (error) {
      throw this.#failed('getting status of', given, error);
    }
  }

  #stat(path: ByteString): FileInfo | undefined {
    const info = statFile(path);
    this.#options.inputs?.kind(path, info);
    return info;
  }

  readFile(given: ByteString): Uint8Array {
    const place = this.#overlay.find(given);
    if (place?.kind === 'text') return place.contents;
    const path = this.#sourceOf(given);
    try {
      const { stats, contents } = this.#reader.read(fsPathOf(path));
      this.#options.inputs?.file(path, stats, contents);
      return contents;
    } catch (error) {
      if (errnoOf(error) === 'EISDIR') {
        this.#options.inputs?.lose();
        throw (
          this.#explain(given, 'no-file') ??
          new EvalError('eval/error', `read of 4096 bytes: ${systemErrorText(error)}`)
        );
      }
      throw this.#failed('opening file', given, error);
    }
  }

  readDirectory(given: ByteString): ReadonlyMap<ByteString, FileType | undefined> {
    const place = this.#overlay.find(given);
    const path = this.#sourceOf(given);
    const isThere = (name: ByteString) =>
      place?.kind !== 'tree' || place.accepts(byteStringFromLatin1(`${path}/${name}`));
    try {
      // What is in a tree, and counts, was recorded when that was hashed.
      const inputs = place?.kind === 'tree' ? undefined : this.#options.inputs;
      const stats = inputs === undefined ? undefined : statSync(fsPathOf(path));
      const entries = listDirectory(path);
      if (stats !== undefined) inputs?.directory(path, stats, entries);
      return place?.kind === 'tree' ? new Map([...entries].filter(([name]) => isThere(name))) : entries;
    } catch (error) {
      throw this.#failed('cannot read directory', given, error);
    }
  }

  readLink(given: ByteString): ByteString {
    const path = this.#sourceOf(given);
    try {
      const target = byteStringFromLatin1(readlinkSync(fsPathOf(path), 'latin1'));
      this.#options.inputs?.link(path, target);
      return target;
    } catch (error) {
      throw this.#failed('reading symbolic link', given, error);
    }
  }

  addPath(given: PathToAdd): StorePath {
    const addition = this.#fromSource(given);
    const { name, method } = addition;
    const accepts = this.#filterOf(addition);
    const hash =
      method === 'flat'
        ? hashBytes('sha256', this.readFile(addition.path))
        : this.#hashTree(addition.path, accepts, accepts === undefined ? 'all' : 'chosen');
    const others = addition.references ?? [];
    const path = makeFixedOutputPath(this.storeDir, name, { method, hash, references: { others, self: false } });
    this.#want({ kind: 'tree', path, hash, addition, accepts });
    return path;
  }

  /** The same addition of where the tree is on disk; the filter is still asked by the paths that it knows. */
  #fromSource(given: PathToAdd): PathToAdd {
    const { path, filter } = given;
    const place = this.#overlay.find(path);
    const source = this.#sourceOf(path);
    if (source === path) return given;
    const isThere = (entry: ByteString) => place?.kind !== 'tree' || place.accepts(entry);
    const asks = (entry: ByteString, type: FileType) =>
      filter === undefined || filter(byteStringFromLatin1(path + entry.slice(source.length)), type);
    return { ...given, path: source, filter: (entry, type) => isThere(entry) && asks(entry, type) };
  }

  addTree({ path: source, entries, isTree = false }: FetchedTree, name: string): AddedTree {
    const method = isTree || this.stat(source)?.type === 'directory' ? 'nar' : 'flat';
    const filter = entries === undefined ? undefined : (entry: ByteString) => entries.has(relativeTo(source, entry));
    const addition: PathToAdd = { path: source, name, method, filter };
    const accepts = this.#filterOf(addition);
    const narHash = this.#hashTree(source, accepts, entries === undefined ? 'all' : 'listed');
    const hash = method === 'nar' ? narHash : hashBytes('sha256', this.readFile(source));
    const path = makeFixedOutputPath(this.storeDir, name, { method, hash });
    this.#want({ kind: 'tree', path, hash, addition, accepts }, true);
    return { path, narHash, hash };
  }

  /** What the filter says is asked for once an entry: the program that it is may be gone when the tree is added. */
  #filterOf({ filter }: PathToAdd): ((entry: FsPath) => boolean) | undefined {
    if (filter === undefined) return undefined;
    const answers = new Map<ByteString, boolean>();
    return entry => {
      const path = byteStringAt(entry);
      let answer = answers.get(path);
      if (answer === undefined) {
        answer = filter(path, this.stat(path)?.type ?? 'unknown');
        answers.set(path, answer);
      }
      return answer;
    };
  }

  #hashTree(path: ByteString, accepts: ((entry: FsPath) => boolean) | undefined, taken: TakenEntries): NixHash {
    if (this.stat(path) === undefined) {
      throw this.#explain(path, 'absent') ?? new EvalError('eval/error', `path '${displayBytes(path)}' does not exist`);
    }
    const recording = this.#options.inputs?.tree(path, taken);
    const hash = hashTree(path, {
      filter: accepts,
      inspect: recording === undefined ? undefined : (stats, shown) => recording.entry(byteStringAt(shown()), stats),
      buffer: () => (this.#chunk ??= new Uint8Array(treeChunkSize)),
    });
    recording?.finish(hash.digest);
    return hash;
  }

  /** Has whole trees be read from the store from now on: they are there. Parts of folders are read on where they are. */
  forgetCopied(): void {
    this.#overlay.removeWhere(object => object.kind === 'tree' && object.accepts === undefined);
  }

  addText(name: string, contents: Uint8Array, references: ReadonlySet<StorePath>): StorePath {
    const path = makeTextPath(this.storeDir, name, { hash: hashBytes('sha256', contents), references });
    this.#want({ kind: 'text', path, name, contents, references });
    return path;
  }

  addDerivation(file: DerivationFile): void {
    const { path } = file;
    this.#want({
      kind: 'text',
      path,
      name: path.slice(path.indexOf('-') + 1),
      // Most are never looked at: they are in the store already, or nothing is written.
      get contents() {
        return bytesOf(file.text);
      },
      get references() {
        return file.references;
      },
    });
  }

  /** What this evaluation wants to be there is there for it; all else is asked of the store. */
  locate(need: EvalNeed): NeedAnswer | undefined {
    if (!('path' in need) || need.kind === 'output' || need.kind === 'closure') return undefined;
    const { path } = need;
    const object = this.#overlay.get(path);
    if (object === undefined) return undefined;
    if (need.kind !== 'derivation') return { kind: 'object', path, references: [...referencesOf(object)] };
    if (object.kind === 'tree') return { kind: 'absent' };
    const text = byteStringOf(object.contents);
    return {
      kind: 'derivation',
      derivation: parseDerivation(text, { storeDir: this.storeDir, name: derivationNameOf(path) }),
    };
  }

  environment(name: string): string | undefined {
    const value = this.#options.environment(name);
    this.#options.inputs?.variable(name, value);
    return value;
  }

  now(): number {
    this.#options.inputs?.lose();
    return Math.floor(Date.now() / 1000);
  }

  say(message: EvalMessage): void {
    this.#options.say(message);
  }

  #explain(path: ByteString, fault: Parameters<ShownTrees['explain']>[1]): EvalError | undefined {
    return this.#options.shownTrees?.explain(displayBytes(path), fault);
  }

  /** What could not be read once may be read the next time. */
  #failed(doing: string, path: ByteString, error: unknown): Error {
    this.#options.inputs?.lose();
    const code = errnoOf(error);
    const fault = code === 'ENOENT' ? 'missing' : code === 'ENOTDIR' ? 'no-directory' : undefined;
    const explained = fault === undefined ? undefined : this.#explain(path, fault);
    return explained ?? failed(doing, this.#options.shownTrees?.show(displayBytes(path)) ?? displayBytes(path), error);
  }
}

function relativeTo(folder: ByteString, path: ByteString): ByteString {
  return byteStringFromLatin1(path.slice(folder.length + 1));
}

function failed(doing: string, path: string, error: unknown): Error {
  const code = errnoOf(error);
  if (code === 'ENOENT') return new EvalError('eval/error', `path '${path}' does not exist`);
  if (code === undefined) return error instanceof Error ? error : new Error(String(error));
  return new EvalError('eval/error', `${doing} "${path}": ${systemErrorText(error)}`);
}
