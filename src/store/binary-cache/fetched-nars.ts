import { randomUUID } from 'node:crypto';
import { renameSync, rmSync, writeFileSync } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import { join } from 'node:path';
import { type Reporter, bytesOf, errnoOf, messageOf, teeTree } from '../../base/index.ts';
import type { CallOptions } from '../../castore/index.ts';
import {
  NarLister,
  type NarListing,
  NarReader,
  type PathInfo,
  formatHash,
  formatJson,
  listingToJson,
} from '../../nix-compat/index.ts';
import { makeFolder, realFileSystem } from '../../castore/index.ts';
import { fileChunks } from '../file-chunks.ts';
import { openNamelessFile } from '../nameless-file.ts';
import { NarTree } from './nar-tree.ts';
import { writeFully } from '../write-fully.ts';

/** Reports a NAR's events to `sink` and its bytes to `observe`, and fails unless it has its hash. */
export type FetchNar<Info extends PathInfo> = (
  info: Info,
  receiver: { readonly sink: NarLister; readonly observe: (chunk: Uint8Array) => void },
  options: CallOptions,
) => Promise<void>;

interface FetchedNar {
  readonly file: FileHandle;
  readonly listing: NarListing;
}

/**
 * NARs that were fetched to be looked around in, as files without compression: in a folder that somebody chose
 * (`local-nar-cache`, laid out as C++ Nix does), else nameless and gone with this object. Each is fetched once.
 */
export class FetchedNars<Info extends PathInfo> implements AsyncDisposable {
  readonly #fetch: FetchNar<Info>;
  readonly #folder: string | undefined;
  readonly #reporter: Reporter;
  readonly #nars = new Map<string, Promise<FetchedNar>>();

  constructor(fetch: FetchNar<Info>, folder: string | undefined, reporter: Reporter) {
    this.#fetch = fetch;
    this.#folder = folder;
    this.#reporter = reporter;
  }

  async openTree(info: Info, options: CallOptions): Promise<NarTree> {
    const { file, listing } = await this.#get(info, options);
    return new NarTree(listing, (range, { signal }) => fileChunks(file, range, signal));
  }

  async #get(info: Info, options: CallOptions): Promise<FetchedNar> {
    const key = formatHash(info.narHash, 'nix32');
    const known = this.#nars.get(key);
    if (known !== undefined) return known;
    const fetching = this.#obtain(info, key, options);
    this.#nars.set(key, fetching);
    try {
      return await fetching;
    } catch (error) {
      this.#nars.delete(key);
      throw error;
    }
  }

  async #obtain(info: Info, key: string, options: CallOptions): Promise<FetchedNar> {
    if (this.#folder === undefined) return this.#receive(info, await openNamelessFile(), options);
    const path = join(this.#folder, `${key}.nar`);
    const kept = await this.#openKept(path, info);
    if (kept !== undefined) return kept;
    makeFolder(realFileSystem, this.#folder);
    const temporary = `${path}.tmp.${process.pid}.${randomUUID()}`;
    const file = await open(temporary, 'wx+', 0o600);
    try {
      const fetched = await this.#receive(info, file, options);
      renameSync(temporary, path);
      writeFileSync(join(this.#folder, `${key}.ls`), bytesOf(formatJson(listingToJson(fetched.listing))));
      return fetched;
    } catch (error) {
      await file.close();
      rmSync(temporary, { force: true });
      throw error;
    }
  }

  /** Closes `file` where it fails. */
  async #receive(info: Info, file: FileHandle, options: CallOptions): Promise<FetchedNar> {
    try {
      const sink = new NarLister();
      await this.#fetch(info, { sink, observe: chunk => writeFully(file.fd, chunk) }, options);
      return { file, listing: requireListing(sink) };
    } catch (error) {
      await file.close();
      throw error;
    }
  }

  /** What an earlier process fetched, if it is whole; its contents are trusted as all files of this user are. */
  async #openKept(path: string, info: PathInfo): Promise<FetchedNar | undefined> {
    let file: FileHandle | undefined;
    try {
      file = await open(path);
      const { size } = await file.stat();
      if (size === info.narSize) return { file, listing: await listNar(file) };
      throw new Error(`it has ${size} bytes instead of ${info.narSize}`);
    } catch (error) {
      await file?.close();
      if (errnoOf(error) !== 'ENOENT')
        this.#reporter.warn(`'${path}' cannot be used and is fetched again: ${messageOf(error)}`);
      return undefined;
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const nars = await Promise.allSettled(this.#nars.values());
    this.#nars.clear();
    for (const nar of nars) if (nar.status === 'fulfilled') await nar.value.file.close();
  }
}

/** Reads what is in the NAR without the contents of its files. */
async function listNar(file: FileHandle): Promise<NarListing> {
  const lister = new NarLister();
  const reader = new NarReader(teeTree(lister));
  const buffer = Buffer.allocUnsafe(64 * 1024);
  for (let at = 0; !reader.finished; at += reader.skipContents()) {
    const { bytesRead } = await file.read(buffer, 0, buffer.length, at);
    if (bytesRead === 0) break;
    at += reader.push(buffer.subarray(0, bytesRead));
  }
  reader.end();
  return requireListing(lister);
}

function requireListing({ listing }: NarLister): NarListing {
  if (listing !== undefined) return listing;
  throw new TypeError('the NAR has not ended');
}
