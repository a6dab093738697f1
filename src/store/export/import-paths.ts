import type { TreeSink } from '../../base/index.ts';
import type { CallOptions } from '../../castore/index.ts';
import { type ExportReceiver, type PathInfo, type StorePath, WireReader, readExport } from '../../nix-compat/index.ts';
import { LocalImporter } from '../local/local-importer.ts';
import { LocalStore } from '../local/local-store.ts';
import { SpooledTree } from '../spooled-tree.ts';
import { type PathWriter, type Store, requireFacet } from '../store.ts';

export interface ImportPathsOptions extends CallOptions {
  /** Whether paths must be content-addressed, which what an export says of them does not show. True unless given. */
  readonly checkSignatures?: boolean;
}

/**
 * Adds the paths of an export (`nix-store --export`) and returns them, in its order. When it breaks off, those before
 * stay valid. Throws as `readExport`, `path/missing-reference`, `path/untrusted`, and `store/unsupported` for stores that
 * cannot be added to.
 */
export async function importPaths(
  store: Store,
  source: AsyncIterable<Uint8Array> | Iterable<Uint8Array>,
  options: ImportPathsOptions = {},
): Promise<StorePath[]> {
  await using reader = new WireReader(source);
  return await importExport(store, reader, options);
}

/** As `importPaths`, of an export within a stream, which then goes on. */
export async function importExport(
  store: Store,
  reader: WireReader,
  options: ImportPathsOptions = {},
): Promise<StorePath[]> {
  const { checkSignatures = true, signal = new AbortController().signal } = options;
  if (!(store instanceof LocalStore)) {
    await using importer = new SpoolingImporter(store, { checkSignatures, signal });
    await readExport(reader, store.storeDir, importer);
    return importer.paths;
  }
  await using importer = new LocalImporter(store, { checkSignatures, signal });
  try {
    await readExport(reader, store.storeDir, importer);
  } finally {
    await importer.commit();
  }
  return importer.paths;
}

/**
 * Imports into a store that has to be told which path comes before it gets its contents, while an export says so after
 * them: until then each NAR waits in a file.
 */
class SpoolingImporter implements ExportReceiver, AsyncDisposable {
  /** So far, in the order of the export. */
  readonly paths: StorePath[] = [];
  readonly #uri: string;
  readonly #writer: PathWriter;
  readonly #options: Required<ImportPathsOptions> & { readonly signal: AbortSignal };
  #spool: SpooledTree | undefined;

  constructor(store: Store, options: Required<ImportPathsOptions> & { readonly signal: AbortSignal }) {
    this.#uri = store.uri;
    this.#writer = requireFacet(store, 'writer', 'importPaths');
    this.#options = options;
  }

  drain(): Promise<void> {
    this.#options.signal.throwIfAborted();
    return Promise.resolve();
  }

  async startObject(): Promise<TreeSink> {
    this.#spool = await SpooledTree.begin();
    return this.#spool.sink;
  }

  async endObject(info: PathInfo): Promise<void> {
    if (this.#spool === undefined) throw new TypeError('an object ends that was not begun');
    const { source } = this.#spool;
    // Its hash was computed as it came.
    const offer = { info, source, from: this.#uri, isTrusted: false, checksNar: true };
    await this.#writer.add([{ path: info.path, offers: [offer] }], this.#options);
    this.paths.push(info.path);
    await this[Symbol.asyncDispose]();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const spool = this.#spool;
    this.#spool = undefined;
    await spool?.[Symbol.asyncDispose]();
  }
}
