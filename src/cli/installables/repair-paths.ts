import type { StorePath } from '../../nix-compat/index.ts';
import { type RepairPolicy, type Store, requireFacet } from '../../store/index.ts';
import type { CommandContext } from '../command.ts';
import { fetchContents } from './fetch-contents.ts';

/**
 * Under its own name Firn takes what the store itself still has of damaged paths; the commands that it shares with C++ Nix
 * ask substituters and derivers alone, so that what they leave damaged or replace is the same.
 */
export function repairPolicy({ program }: CommandContext): RepairPolicy {
  return program === 'firn' ? 'blobs-first' : 'elsewhere';
}

/** Gets the contents of `paths` anew, from where `repairPolicy` says. */
export async function repairPaths(store: Store, paths: readonly StorePath[], context: CommandContext): Promise<void> {
  const repairer = requireFacet(store, 'repairer', 'repairPath');
  const options = { policy: repairPolicy(context), signal: context.signal, fetch: fetchContents(store, context) };
  for (const path of paths) await repairer.repair(path, options);
}
