import type { TreeSink } from '../../base/index.ts';
import { NixCompatError } from '../error.ts';
import { equalHashes } from '../hash/hash.ts';
import { formatHash } from '../hash/hash-format.ts';
import { Hasher } from '../hash/hasher.ts';
import { NarReader } from '../nar/nar-reader.ts';
import { NarWriter } from '../nar/nar-writer.ts';
import type { PathInfo } from '../narinfo/path-info.ts';
import { type StoreDir, printStorePath } from '../store-path/store-dir.ts';
import {
  maxInt,
  readOptionalStorePath,
  readStorePath,
  readStorePaths,
  writeOptionalStorePath,
  writeStorePath,
  writeStorePaths,
} from './wire-values.ts';
import type { WireReader } from './wire-reader.ts';
import { WireWriter } from './wire-writer.ts';

// The format of `nix-store --export`: for each store object a 1, its NAR, a magic number, path, references, deriver
// and a 0 (or a 1 and a signature that nobody looks at any more); at the end a 0.

const magic = 0x4558494e;
const objectFollows = 1;
const endOfExport = 0;
const legacySignature = 1;

/** Receives the store objects of an export, each after those it refers to. */
export interface ExportReceiver {
  /** Returns what the next object's tree is to be told to; which object it is comes after it. */
  startObject(): TreeSink | Promise<TreeSink>;
  /** `info` has the hash and size of the NAR that was read, and no signatures. */
  endObject(info: PathInfo): void | Promise<void>;
  /** Waited for after each piece of an object. */
  drain?(): Promise<void>;
}

/**
 * Reads what `nix-store --export` wrote, up to its end. Throws `export/not-an-export`, `export/bad-magic`, as
 * NarReader, with offsets counted from the NAR's start, and as `parseStorePathIn`.
 */
export async function readExport(reader: WireReader, storeDir: StoreDir, receiver: ExportReceiver): Promise<void> {
  for (;;) {
    reader.startMessage();
    const word = await reader.bigint();
    if (word === BigInt(endOfExport)) return;
    if (word !== BigInt(objectFollows))
      throw new NixCompatError(
        'export/not-an-export',
        "input doesn't look like something created by 'nix-store --export'",
        { offset: reader.offset - 8 },
      );
    const nar = new NarReader(await receiver.startObject());
    const hasher = new Hasher('sha256');
    await reader.feed({
      get finished() {
        return nar.finished;
      },
      async push(chunk) {
        const taken = nar.push(chunk);
        hasher.update(taken === chunk.length ? chunk : chunk.subarray(0, taken));
        await receiver.drain?.();
        return taken;
      },
      end: () => nar.end(),
    });
    if ((await reader.number(maxInt)) !== magic)
      throw new NixCompatError('export/bad-magic', 'Nix archive cannot be imported; wrong format', {
        offset: reader.offset - 8,
      });
    const path = await readStorePath(reader, storeDir);
    const references = await readStorePaths(reader, storeDir);
    const deriver = await readOptionalStorePath(reader, storeDir);
    if ((await reader.number(maxInt)) === legacySignature) await reader.string();
    const narHash = hasher.finish();
    await receiver.endObject({ path, narHash, narSize: nar.bytesRead, references, deriver, signatures: [] });
  }
}

/**
 * Writes what `readExport` reads:
 *
 *     const exported = new ExportWriter(storeDir, write);
 *     for (const object of objects) {            // each after those it refers to
 *       playTree(object.tree, exported.startObject());
 *       exported.endObject(object.info);
 *     }
 *     exported.end();
 *
 * `write` gets the bytes in order and must be done with them when it returns.
 */
export class ExportWriter {
  readonly #storeDir: StoreDir;
  readonly #write: (bytes: Uint8Array) => void;
  readonly #words = new WireWriter();
  #open: { readonly nar: NarWriter; readonly hasher: Hasher } | undefined;
  #ended = false;

  constructor(storeDir: StoreDir, write: (bytes: Uint8Array) => void) {
    this.#storeDir = storeDir;
    this.#write = write;
  }

  /** Returns what to tell the object's tree. */
  startObject(): TreeSink {
    if (this.#open !== undefined || this.#ended) throw badSequence('an object was started before the last was ended');
    this.#words.number(objectFollows);
    this.#write(this.#words.take());
    const hasher = new Hasher('sha256');
    const nar = new NarWriter(bytes => {
      hasher.update(bytes);
      this.#write(bytes);
    });
    this.#open = { nar, hasher };
    return nar;
  }

  /**
   * Says which object it was. Throws `export/hash-changed` if its NAR is not the one that `info` is about, so that
   * damage does not spread.
   */
  endObject(info: PathInfo): void {
    if (this.#open?.nar.finished !== true) throw badSequence('an object was ended before its tree');
    const narHash = this.#open.hasher.finish();
    this.#open = undefined;
    if (!equalHashes(narHash, info.narHash))
      throw hashChanged(this.#storeDir, info, formatHash(narHash, 'nix32', { prefix: true }));
    const words = this.#words;
    words.number(magic);
    writeStorePath(words, this.#storeDir, info.path);
    writeStorePaths(words, this.#storeDir, info.references);
    writeOptionalStorePath(words, this.#storeDir, info.deriver);
    words.number(0);
    this.#write(words.take());
  }

  end(): void {
    if (this.#open !== undefined || this.#ended) throw badSequence('the export was ended before its last object');
    this.#ended = true;
    this.#words.number(endOfExport);
    this.#write(this.#words.take());
  }
}

function hashChanged(storeDir: StoreDir, info: PathInfo, found: string): NixCompatError {
  const expected = formatHash(info.narHash, 'nix32', { prefix: true });
  return new NixCompatError(
    'export/hash-changed',
    `hash of path '${printStorePath(storeDir, info.path)}' has changed from '${expected}' to '${found}'!`,
  );
}

function badSequence(problem: string): NixCompatError {
  return new NixCompatError('export/bad-sequence', problem);
}
