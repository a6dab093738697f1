import type { StorePath } from '../../nix-compat/index.ts';
import { type RepairOptions, type Store, repairPath } from '../../store/index.ts';
import type { CommandContext } from '../command.ts';
import { openSubstituters } from '../open-substituters.ts';

/** Gets contents of paths from substituters, for repairs; these are opened when they are needed. */
export function fetchContents(store: Store, context: CommandContext): NonNullable<RepairOptions['fetch']> {
  return async (path: StorePath, { signal }) => {
    await using open = await openSubstituters(store, context);
    await repairPath(store, open.substituters, path, { signal, reporter: context.log });
  };
}
