import { requireFacet } from '../../store/index.ts';
import type { Command, CommandContext } from '../command.ts';
import { CliError } from '../error.ts';
import { openCommandStore } from '../open-store.ts';
import { formatSize } from '../render/format-size.ts';
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
  const upkeep = requireFacet(store, 'upkeep', 'optimiseStore');
  const { filesLinked, bytesFreed } = await upkeep.optimise({ signal: context.signal });
  context.log.log('info', `${formatSize(bytesFreed)} freed by hard-linking ${filesLinked} files`);
}
