import { type Reporter, forEachConcurrent, messageOf } from '../base/index.ts';
import type { CallOptions } from '../castore/index.ts';
import type { StoreDir, StorePath } from '../nix-compat/index.ts';
import { AdditionGroup } from './addition-group.ts';
import { topologicalOrder } from './closure/topological-order.ts';
import type { AddPathsOptions, AdditionFailure, PathAddition, PathOffer } from './store.ts';

/** A store where each path is added by itself, in whatever time that takes. */
export interface OfferReceiver {
  readonly storeDir: StoreDir;
  readonly reporter: Reporter;
  /** Additions that run at a time unless told otherwise. */
  readonly concurrency: number;
  isValid(path: StorePath, options: CallOptions): Promise<boolean>;
  /**
   * Makes the path of `offer` valid. What can be done before all that it refers to is valid is done before
   * `referencesSettled` is awaited, which throws where something of it did not become valid.
   */
  take(offer: PathOffer, options: TakeOfferOptions): Promise<void>;
  missingReference(path: StorePath, reference: StorePath): Error;
}

export interface TakeOfferOptions {
  readonly referencesSettled: () => Promise<void>;
  readonly repair: boolean;
  readonly signal: AbortSignal;
}

/** `PathWriter.add` of such a store: each path after what it refers to, and one offer after the other until one is good. */
export async function addInOrder(
  receiver: OfferReceiver,
  additions: readonly PathAddition[],
  options: AddPathsOptions = {},
): Promise<AdditionFailure[]> {
  const { concurrency = receiver.concurrency, keepGoing = false, repair = false, signal, added } = options;
  const group = new AdditionGroup(additions);
  const order = topologicalOrder(receiver.storeDir, group.paths, path => group.references(path));
  const failures: AdditionFailure[] = [];
  // In this order, those that wait for others wait only for what has started.
  await forEachConcurrent(order, { limit: concurrency, signal }, async (path, stop) => {
    try {
      const isNew = repair || !(await receiver.isValid(path, { signal: stop }));
      if (isNew) await takeFirst(receiver, path, group, { repair, signal: stop });
      group.settle(path, true);
      if (isNew) added?.(path);
    } catch (error) {
      group.settle(path, false);
      if (!keepGoing || stop.aborted || !(error instanceof Error)) throw error;
      failures.push({ path, error });
    }
  });
  return failures;
}

async function takeFirst(
  receiver: OfferReceiver,
  path: StorePath,
  group: AdditionGroup,
  { repair, signal }: Pick<TakeOfferOptions, 'repair' | 'signal'>,
): Promise<void> {
  const offers = group.offers(path);
  for (const [at, offer] of offers.entries()) {
    try {
      const others = offer.info.references.filter(reference => reference !== path);
      for (const reference of others.filter(each => !group.has(each))) {
        if (!(await receiver.isValid(reference, { signal }))) throw receiver.missingReference(path, reference);
      }
      const referencesSettled = async () => {
        for (const reference of others.filter(each => group.has(each))) {
          if (!(await group.whenSettled(reference))) throw receiver.missingReference(path, reference);
        }
      };
      await receiver.take(offer, { referencesSettled, repair, signal });
      return;
    } catch (error) {
      if (at + 1 === offers.length || signal.aborted) throw error;
      receiver.reporter.warn(messageOf(error));
    }
  }
}
