import { byteStringFromText, displayBytes } from '../../base/index.ts';
import { findNotNix32, printStorePath, storePathHashLength } from '../../nix-compat/index.ts';
import type { Command, CommandContext } from '../command.ts';
import { CliError } from '../error.ts';
import { openCommandStore } from '../open-store.ts';

/** `nix store path-from-hash-part` */
export function storePathFromHashPart(context: CommandContext): Command {
  let typed = byteStringFromText('');
  return {
    summary: 'Prints the store path with a hash part.',
    flags: [],
    positionals: [{ label: 'hash-part', arity: 1, apply: given => (typed = given) }],
    run: async () => {
      await using store = await openCommandStore(context);
      if (typed.length !== storePathHashLength) throw new CliError('path/bad-hash-part', 'invalid hash part');
      const path = findNotNix32(typed) < 0 ? await store.pathFromHashPart(typed) : undefined;
      if (path === undefined) {
        const message = `there is no store path corresponding to '${displayBytes(typed)}'`;
        throw new CliError('path/absent', message);
      }
      context.out.byteLine(printStorePath(store.storeDir, path));
    },
  };
}
