import { ignoreTree } from '../../base/index.ts';
import { NarWriter } from '../../nix-compat/index.ts';
import { plainFileOnly } from '../content-hasher.ts';
import { type AddOptions, isFlat } from '../local/add-to-store.ts';
import type { TreeSource } from '../store.ts';

/** What an addition by its contents sends of a tree: a NAR or, where only a plain file can be added, its bytes. */
export async function sendContents(
  source: TreeSource,
  options: AddOptions,
  { write, drain, signal }: ContentsDestination,
): Promise<void> {
  if (!isFlat(options)) {
    const nar = new NarWriter(write);
    await source(nar, drain, signal);
    if (!nar.finished) throw new TypeError('the tree has not ended');
  } else await source(plainFileOnly({ ...ignoreTree, fileData: write }), drain, signal);
  await drain();
}

export interface ContentsDestination {
  /** Gets what is lent to it. */
  readonly write: (bytes: Uint8Array) => void;
  readonly drain: () => Promise<void>;
  readonly signal: AbortSignal;
}
