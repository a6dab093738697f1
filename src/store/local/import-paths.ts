import type { TreeSink } from '../../base/index.ts';
import type { CallOptions } from '../../castore/index.ts';
import { type ExportReceiver, type PathInfo, type StorePath, WireReader, readExport } from '../../nix-compat/index.ts';
import { requireTrust } from '../receive-offer.ts';
import type { LocalStore } from './local-store.ts';
import { StagedGroup } from './staged-group.ts';
import { TreeStaging } from './tree-staging.ts';

export interface ImportPathsOptions extends CallOptions {
  /** Whether paths must be content-addressed, which what an export says of them does not show. True unless given. */
  readonly checkSignatures?: boolean;
}

/**
 * Adds the paths of an export (`nix-store --export`) and returns them, in its order. When it breaks off, those before
 * stay valid. Throws as `readExport`, `path/missing-reference`, `path/untrusted`.
 */
export async function importPaths(
  store: LocalStore,
  source: AsyncIterable<Uint8Array> | Iterable<Uint8Array>,
  options: ImportPathsOptions = {},
): Promise<StorePath[]> {
  await using reader = new WireReader(source);
  return await importExport(store, reader, options);
}

/** As `importPaths`, of an export within a stream, which then goes on. */
export async function importExport(
  store: LocalStore,
  reader: WireReader,
  options: ImportPathsOptions = {},
): Promise<StorePath[]> {
  store.requireWritable();
  await using importer = new Importer(store, options);
  try {
    await readExport(reader, store.storeDir, importer);
  } finally {
    await importer.commit();
  }
  return importer.paths;
}

class Importer implements ExportReceiver, AsyncDisposable {
  /** So far, in the order of the export. */
  readonly paths: StorePath[] = [];
  readonly #store: LocalStore;
  readonly #checkSignatures: boolean;
  readonly #signal: AbortSignal;
  readonly #group: StagedGroup;
  #open: TreeStaging | undefined;

  constructor(store: LocalStore, { checkSignatures = true, signal }: ImportPathsOptions) {
    this.#store = store;
    this.#checkSignatures = checkSignatures;
    this.#signal = signal ?? new AbortController().signal;
    this.#group = new StagedGroup(store, { repair: false, signal: this.#signal });
  }

  /** Takes more as fast as blobs can be written. */
  async drain(): Promise<void> {
    this.#signal.throwIfAborted();
    await this.#open?.receiver.drain();
  }

  async startObject(): Promise<TreeSink> {
    this.#open = await TreeStaging.begin(this.#store, { signal: this.#signal });
    return this.#open.receiver;
  }

  async endObject(info: PathInfo): Promise<void> {
    const open = this.#open;
    if (open === undefined) throw new TypeError('an object ends that was not begun');
    const { path } = info;
    if (this.#checkSignatures) requireTrust(this.#store, info);
    const valid = await this.#store.writer.keep([path, ...info.references], { signal: this.#signal });
    this.paths.push(path);
    if (valid.has(path) || this.#group.has(path)) {
      await this.#close();
      return;
    }
    const tree = await open.finish();
    this.#open = undefined;
    await this.#group.take({ info, ...tree });
  }

  /** Makes valid what is staged. */
  commit(): Promise<void> {
    return this.#group.commit();
  }

  async #close(): Promise<void> {
    const open = this.#open;
    this.#open = undefined;
    await open?.[Symbol.asyncDispose]();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#close();
    await this.#group[Symbol.asyncDispose]();
  }
}
