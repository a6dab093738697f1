import type { StorePath } from '../../nix-compat/index.ts';
import { type CommitGroupOptions, commitGroup } from './commit-group.ts';
import type { LocalStore } from './local-store.ts';
import type { StagedPath } from './staged-path.ts';

export interface CommitStagedOptions extends Pick<CommitGroupOptions, 'held' | 'record' | 'early' | 'signal'> {
  /** Whether paths that are valid already get their contents anew; what lies there stays until the new is complete. */
  readonly repair: boolean;
}

/**
 * Makes all of `staged` valid, or throws why one of them cannot be. They become valid at once, but for those that somebody
 * else has locked, and what refers to them: these are waited for. Disposes of the batches in any case.
 */
export async function commitStaged(
  store: LocalStore,
  staged: ReadonlyMap<StorePath, StagedPath>,
  { repair, ...given }: CommitStagedOptions,
): Promise<void> {
  const options: CommitGroupOptions = {
    ...given,
    repair,
    replace: repair,
    fail: (_path, error) => {
      throw error;
    },
    valid: () => {},
  };
  let left = staged;
  try {
    while (left.size > 0) left = await commitGroup(store, left, options);
  } finally {
    for (const { batch } of left.values()) await batch[Symbol.asyncDispose]();
  }
}
