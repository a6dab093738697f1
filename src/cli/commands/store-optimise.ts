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
  // Other stores have nothing to gain: C++ Nix says nothing either.
  if (store.upkeep === undefined) return;
  const optimised = await store.upkeep.optimise({ signal: context.signal });
  if (optimised === undefined) return;
  const { filesLinked, bytesFreed } = optimised;
  context.log.log('info', `${formatSize(bytesFreed)} freed by hard-linking ${filesLinked} files`);
}
