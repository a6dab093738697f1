import { type StorePath, allOutputs, opaquePath } from '../../nix-compat/index.ts';
import { type RepairOptions, type Store, StoreError, repairPath } from '../../store/index.ts';
import type { CommandContext } from '../command.ts';
import { openSubstituters } from '../open-substituters.ts';
import { openRealising } from './realising.ts';

/**
 * Gets contents of paths anew, for repairs: from substituters, which are opened when they are needed, else by building
 * the derivation again that made them.
 */
export function fetchContents(store: Store, context: CommandContext): NonNullable<RepairOptions['fetch']> {
  return async (path: StorePath, { signal }) => {
    try {
      await using open = openSubstituters(store, context);
      await repairPath(store, open.substituters, path, { signal, reporter: context.log });
    } catch (error) {
      if (!(error instanceof StoreError && error.code === 'path/irreparable')) throw error;
      const deriver = (await store.pathInfo(path, { signal }))?.deriver;
      if (deriver === undefined || !(await store.validPaths([deriver], { signal })).has(deriver)) throw error;
      await using realising = await openRealising(store, context);
      const wanted = { kind: 'built', derivation: opaquePath(deriver), outputs: allOutputs } as const;
      await realising.realise([wanted], { mode: 'repair' });
    }
  };
}
