import type { Command, CommandContext } from '../command.ts';
import { repairPaths } from '../installables/repair-paths.ts';
import { StorePathArguments } from '../installables/store-path-arguments.ts';
import { openStoreHere } from '../open-store.ts';

/** `nix store repair` */
export function nixStoreRepair(context: CommandContext): Command {
  const wanted = new StorePathArguments(context);
  return {
    summary: 'Gets the contents of store paths anew.',
    flags: wanted.flags,
    positionals: wanted.positionals,
    run: async () => {
      await using store = await openStoreHere(context);
      const paths = await wanted.resolve(store);
      await repairPaths(
        store,
        paths.map(({ path }) => path),
        context,
      );
    },
  };
}
