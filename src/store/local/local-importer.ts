import type { TreeSink } from '../../base/index.ts';
import type { ExportReceiver, PathInfo, StorePath } from '../../nix-compat/index.ts';
import { requireTrust } from '../receive-offer.ts';
import type { LocalStore } from './local-store.ts';
import { StagedGroup } from './staged-group.ts';
import { TreeStaging } from './tree-staging.ts';

export interface LocalImporterOptions {
  readonly checkSignatures: boolean;
  readonly signal: AbortSignal;
}

/**
 * Takes an export into a local store: contents into the castore while they come, and paths become valid in groups, at the
 * latest by `commit`, which is to be called also where the export breaks off.
 */
export class LocalImporter implements ExportReceiver, AsyncDisposable {
  /** So far, in the order of the export. */
  readonly paths: StorePath[] = [];
  readonly #store: LocalStore;
  readonly #checkSignatures: boolean;
  readonly #signal: AbortSignal;
  readonly #group: StagedGroup;
  #open: TreeStaging | undefined;

  constructor(store: LocalStore, { checkSignatures, signal }: LocalImporterOptions) {
    store.requireWritable();
    this.#store = store;
    this.#checkSignatures = checkSignatures;
    this.#signal = signal;
    this.#group = new StagedGroup(store, { repair: false, signal });
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
    this.#open = undefined;
    await this.#group.take({ info, tree: open.finish() });
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
