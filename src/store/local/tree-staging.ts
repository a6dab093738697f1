import { type DiskBlobBatch, type Node, TreeBuilder, type TreeDraft, type TreeReceiver } from '../../castore/index.ts';
import type { LocalStore } from './local-store.ts';

/** A tree that is in a batch which is not committed yet. */
export interface StagedTree {
  readonly root: Node;
  readonly batch: DiskBlobBatch;
  /** What only has to be moved to be a checkout; undefined where one is still to be made. */
  readonly draft?: TreeDraft | undefined;
}

export interface StagingOptions {
  readonly signal: AbortSignal;
  /** Whether what the castore has already is replaced. */
  readonly renew?: boolean;
  /** Whether it only goes to the castore. */
  readonly blobsOnly?: boolean;
  /** Whether it is waited for by itself. */
  readonly atOnce?: boolean;
}

/**
 * A tree on its way into a store: a draft where the store directory is on the file system of the castore, so that files
 * are written once and linked to both; blobs elsewhere. Dispose of it if it is not finished.
 */
export class TreeStaging implements AsyncDisposable {
  readonly #batch: DiskBlobBatch;
  readonly #receiver: TreeDraft | TreeBuilder;
  readonly #signal: AbortSignal;
  #isFinished = false;

  private constructor(batch: DiskBlobBatch, receiver: TreeDraft | TreeBuilder, signal: AbortSignal) {
    this.#batch = batch;
    this.#receiver = receiver;
    this.#signal = signal;
  }

  static async begin(store: LocalStore, options: StagingOptions): Promise<TreeStaging> {
    const { signal, renew = false, blobsOnly = false, atOnce = false } = options;
    const drafts = !blobsOnly && store.takesDrafts;
    const batch = store.blobs.batch({ forCheckout: !drafts });
    try {
      const receiver = drafts ? await batch.draft({ renew, atOnce, signal }) : new TreeBuilder(batch, { signal });
      return new TreeStaging(batch, receiver, signal);
    } catch (error) {
      await batch[Symbol.asyncDispose]();
      throw error;
    }
  }

  /** Gets the events. */
  get receiver(): TreeReceiver {
    return this.#receiver;
  }

  /** After the last event. Where it throws there is nothing left; else the batch is the caller's from then on. */
  finish(): Promise<StagedTree> {
    this.#isFinished = true;
    return this.#finish();
  }

  async #finish(): Promise<StagedTree> {
    const batch = this.#batch;
    try {
      if (this.#receiver instanceof TreeBuilder) {
        const root = await this.#receiver.finish();
        await this.#receiver[Symbol.asyncDispose]();
        return { root, batch, draft: undefined };
      }
      const root = await batch.finishDraft(this.#receiver, { signal: this.#signal });
      return { root, batch, draft: this.#receiver };
    } catch (error) {
      await this.#discard();
      throw error;
    }
  }

  async #discard(): Promise<void> {
    if (this.#receiver instanceof TreeBuilder) await this.#receiver[Symbol.asyncDispose]();
    await this.#batch[Symbol.asyncDispose]();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (!this.#isFinished) await this.#discard();
  }
}
