import type { StorePath } from '../../nix-compat/index.ts';
import { type Store, requireFacet } from '../../store/index.ts';
import type { CommandContext } from '../command.ts';
import { fetchContents } from './fetch-contents.ts';

/** Gets the contents of `paths` anew: from what the store itself still has, else from substituters. */
export async function repairPaths(store: Store, paths: readonly StorePath[], context: CommandContext): Promise<void> {
  const upkeep = requireFacet(store, 'upkeep', 'repairPath');
  const options = { signal: context.signal, fetch: fetchContents(store, context) };
  for (const path of paths) await upkeep.repair(path, options);
}
