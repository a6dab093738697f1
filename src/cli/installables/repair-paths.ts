import type { StorePath } from '../../nix-compat/index.ts';
import { StoreError, type Store, repairPath, requireFacet } from '../../store/index.ts';
import type { CommandContext } from '../command.ts';
import { openSubstituters } from '../open-substituters.ts';

/** Gets the contents of `paths` anew: from what the store itself still has, else from substituters. */
export async function repairPaths(store: Store, paths: readonly StorePath[], context: CommandContext): Promise<void> {
  const upkeep = requireFacet(store, 'upkeep', 'repairPath');
  const { signal, log } = context;
  for (const path of paths) {
    try {
      await upkeep.repair(path, { signal });
    } catch (error) {
      if (!(error instanceof StoreError && error.code === 'path/irreparable')) throw error;
      await using open = await openSubstituters(store, context);
      await repairPath(store, open.substituters, path, { signal, reporter: log });
    }
  }
}
