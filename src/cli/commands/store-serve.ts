import type { CommandContext } from '../command.ts';
import { openCommandStore } from '../open-store.ts';
import { serveWith } from '../served-store.ts';
import { openStandardChannel } from '../standard-channel.ts';
import { type Operands, refuseArguments, takeFlags } from './nix-store.ts';

/** `nix-store --serve`: what the other machine runs for a store behind `ssh://`. */
export async function storeServe(operands: Operands, context: CommandContext): Promise<void> {
  const mayWrite = takeFlags(operands, ['--write']).has('--write');
  refuseArguments(operands);
  const { log, signal } = context;
  // As in daemon-arguments.ts.
  const { serveStore } = await import('../../server/index.ts');
  await using store = await openCommandStore(context);
  await using channel = openStandardChannel();
  await serveStore(channel, serveWith(store, context), { mayWrite, reporter: log, signal });
}
