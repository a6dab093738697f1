import { requireFacet } from '../../store/index.ts';
import type { Command, CommandContext } from '../command.ts';
import { CliError } from '../error.ts';
import { openCommandStore } from '../open-store.ts';
import type { Operands } from './nix-store.ts';

/** `nix-store --optimise` */
export async function storeOptimise({ flags, args }: Operands, context: CommandContext): Promise<void> {
  if (flags.length > 0 || args.length > 0) {
    throw new CliError('usage/unexpected-argument', 'no arguments expected');
  }
  await optimise(context);
}

/** `nix store optimise` */
export function nixStoreOptimise(context: CommandContext): Command {
  return {
    summary: 'Keeps files with equal contents once.',
    flags: [],
    positionals: [],
    run: () => optimise(context),
  };
}

async function optimise(context: CommandContext): Promise<void> {
  await using store = await openCommandStore(context);
  await requireFacet(store, 'upkeep', 'optimiseStore').optimise({ signal: context.signal });
}
