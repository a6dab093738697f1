import type { PathInfo } from '../../nix-compat/index.ts';
import { receiveOffer, requireTrust } from '../receive-offer.ts';
import type { PathOffer } from '../store.ts';
import type { ValidPath } from '../valid-path.ts';
import type { LocalStore } from './local-store.ts';
import { type StagedTree, TreeStaging } from './tree-staging.ts';

/** A path that could become valid: its tree is in a batch that is not committed yet. It is disposed of with the batch. */
export interface StagedPath extends ValidPath, StagedTree {}

export interface StageOptions {
  readonly checkSignatures: boolean;
  /** Whether what the castore has of it already is replaced. */
  readonly repair: boolean;
  /** Whether nothing else is staged meanwhile. */
  readonly isAlone: boolean;
  readonly signal: AbortSignal;
}

/**
 * Takes over what `offer` offers, if it is what it says: throws `path/untrusted`, `path/wrong-name`,
 * `path/hash-mismatch`, and what its source throws.
 */
export async function stageOffer(store: LocalStore, offer: PathOffer, options: StageOptions): Promise<StagedPath> {
  const { info, tree } = await receiveTree(store, offer, options);
  return { info, ...(await tree) };
}

/** A path that was received and is on its way to the disk. */
export interface ReceivedPath {
  readonly info: PathInfo;
  readonly tree: Promise<StagedTree>;
}

/** As `stageOffer`, without waiting for the disk. */
export async function receiveTree(store: LocalStore, offer: PathOffer, options: StageOptions): Promise<ReceivedPath> {
  if (options.checkSignatures && !offer.isTrusted) requireTrust(store, offer.info);
  const { signal } = options;
  await using staging = await TreeStaging.begin(store, { renew: options.repair, atOnce: options.isAlone, signal });
  const info = await receiveOffer(store, offer, { receiver: staging.receiver, signal });
  return { info, tree: staging.finish() };
}
