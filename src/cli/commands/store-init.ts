import { DiskBlobStore } from '../../castore/index.ts';
import type { CommandContext } from '../command.ts';
import { CliError } from '../error.ts';
import type { Operands } from './nix-store.ts';

/** `nix-store --init`: makes the data folder with its database where they are absent. */
export async function storeInit({ flags, args }: Operands, { environment }: CommandContext): Promise<void> {
  if (flags.length > 0) throw new CliError('usage/unrecognised-flag', 'unknown flag');
  if (args.length > 0) throw new CliError('usage/unexpected-argument', 'no arguments expected');
  await using _store = new DiskBlobStore(environment.dataFolder);
}
