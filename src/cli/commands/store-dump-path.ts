import { NarWriter } from '../../nix-compat/index.ts';
import type { Command, CommandContext } from '../command.ts';
import { CliError } from '../error.ts';
import { StorePathArguments } from '../installables/store-path-arguments.ts';
import { openCommandStore } from '../open-store.ts';
import { requireObject } from '../store-object.ts';

const bufferSize = 256 * 1024;

/** `nix store dump-path` */
export function storeDumpPath(context: CommandContext): Command {
  const wanted = new StorePathArguments(context);
  return {
    summary: 'Writes the NAR of a store path to standard output.',
    flags: wanted.flags,
    positionals: wanted.positionals,
    run: async () => {
      await using store = await openCommandStore(context);
      const path = await wanted.resolveOne(store);
      if (context.out.isTerminal) throw new CliError('usage/terminal', 'refusing to write NAR to a terminal');
      await requireObject(store, path);
      const writer = new NarWriter(chunk => context.out.write(chunk), { bufferSize });
      await store.streamPath(path, writer, { signal: context.signal });
    },
  };
}
