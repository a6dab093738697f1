import type { CommandContext } from '../command.ts';
import { openCommandStore } from '../open-store.ts';
import { type Operands, refuseArguments, refuseFlags } from './nix-store.ts';

/** `nix-store --init`: makes the store where there is none, as its first use would. */
export async function storeInit(operands: Operands, context: CommandContext): Promise<void> {
  refuseFlags(operands);
  refuseArguments(operands);
  await using _store = await openCommandStore(context);
}
