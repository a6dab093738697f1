import { type ByteString, brandAs, byteStringFromText, displayBytes } from '../../base/index.ts';
import type { Command, CommandContext } from '../command.ts';
import { CliError } from '../error.ts';
import { openCommandStore } from '../open-store.ts';
import { entryAt, openStoreObject } from '../store-object.ts';

/** `nix store cat` */
export function storeCat(context: CommandContext): Command {
  let path = byteStringFromText('');
  return {
    summary: 'Prints the contents of a file in the store.',
    flags: [],
    positionals: [{ label: 'path', arity: 1, apply: given => (path = given) }],
    run: async () => {
      await using store = await openCommandStore(context);
      const place = await openStoreObject(store, path);
      const { tree, names } = place;
      const entry = await entryAt(place);
      if (entry.type !== 'regular') {
        const shown = displayBytes(brandAs<ByteString>(`/${names.join('/')}`));
        throw new CliError('tree/not-a-file', `path '${shown}' is not a regular file`);
      }
      for await (const chunk of tree.read(names, { signal: context.signal })) context.out.write(chunk);
    },
  };
}
