import { type ByteString, byteStringFromText, bytesOf, displayBytes } from '../base/index.ts';
import { type EvalIO, type EvalMessage, EvalError, type FileInfo, type FileType } from '../eval/index.ts';
import {
  NarWriter,
  type StorePath,
  defaultStoreDir,
  hashBytes,
  makeFixedOutputPath,
  makeTextPath,
} from '../nix-compat/index.ts';

/** Files by path: contents, or what a symlink leads to. Folders are what is above them. */
export type MemoryFiles = Readonly<Record<string, string | { readonly link: string }>>;

export interface MemoryEvalIO extends EvalIO {
  /** What the evaluation has said. */
  readonly said: readonly EvalMessage[];
  /** Store paths that it wanted, in order. */
  readonly wanted: readonly StorePath[];
}

/** A world of a few files in memory, for evaluations. */
export function memoryEvalIO(files: MemoryFiles = {}, variables: Readonly<Record<string, string>> = {}): MemoryEvalIO {
  const said: EvalMessage[] = [];
  const wanted: StorePath[] = [];
  const want = (path: StorePath) => {
    wanted.push(path);
    return path;
  };
  const entryAt = (path: ByteString) => files[displayBytes(path)];
  const isFolder = (path: ByteString) => {
    const prefix = path === '/' ? '/' : `${displayBytes(path)}/`;
    return path === '/' || Object.keys(files).some(name => name.startsWith(prefix));
  };
  const missing = (path: ByteString) => new EvalError('eval/error', `path '${displayBytes(path)}' does not exist`);
  const stat = (path: ByteString): FileInfo | undefined => {
    const entry = entryAt(path);
    if (entry !== undefined) return { type: typeof entry === 'string' ? 'regular' : 'symlink', executable: false };
    return isFolder(path) ? { type: 'directory', executable: false } : undefined;
  };
  const readFile = (path: ByteString): Uint8Array => {
    const entry = entryAt(path);
    if (typeof entry !== 'string') throw missing(path);
    return bytesOf(byteStringFromText(entry));
  };
  return {
    storeDir: defaultStoreDir,
    workingFolder: byteStringFromText('/'),
    said,
    wanted,
    stat,
    readFile,
    readDirectory: path => {
      if (!isFolder(path)) throw missing(path);
      const prefix = path === '/' ? '/' : `${displayBytes(path)}/`;
      const entries = new Map<ByteString, FileType | undefined>();
      for (const name of Object.keys(files).filter(file => file.startsWith(prefix))) {
        const [first = '', ...rest] = name.slice(prefix.length).split('/');
        const kind = typeof files[name] === 'string' ? 'regular' : 'symlink';
        entries.set(byteStringFromText(first), rest.length > 0 ? 'directory' : kind);
      }
      return entries;
    },
    readLink: path => {
      const entry = entryAt(path);
      if (entry === undefined || typeof entry === 'string') throw missing(path);
      return byteStringFromText(entry.link);
    },
    addPath: ({ path, name, method }) => {
      const contents = readFile(path);
      if (method === 'flat') {
        return want(makeFixedOutputPath(defaultStoreDir, name, { method, hash: hashBytes('sha256', contents) }));
      }
      const chunks: Uint8Array[] = [];
      const nar = new NarWriter(chunk => void chunks.push(Uint8Array.from(chunk)));
      nar.startFile(false, contents.byteLength);
      if (contents.byteLength > 0) nar.fileData(contents);
      nar.endFile();
      return want(
        makeFixedOutputPath(defaultStoreDir, name, { method, hash: hashBytes('sha256', Buffer.concat(chunks)) }),
      );
    },
    addText: (name, contents, references) =>
      want(makeTextPath(defaultStoreDir, name, { hash: hashBytes('sha256', contents), references })),
    addTree: ({ path }, name) => {
      const contents = readFile(path);
      const narHash = hashBytes('sha256', contents);
      return {
        path: want(makeFixedOutputPath(defaultStoreDir, name, { method: 'flat', hash: narHash })),
        narHash,
        hash: narHash,
      };
    },
    addDerivation: ({ path }) => void want(path),
    locate: need => {
      if (!('path' in need) || need.kind === 'output' || !wanted.includes(need.path)) return undefined;
      return need.kind === 'derivation' ? { kind: 'absent' } : { kind: 'object', path: need.path, references: [] };
    },
    now: () => 1_000_000_000,
    environment: name => variables[name],
    say: message => void said.push(message),
  };
}
