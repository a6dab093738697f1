import type { Store } from '../../store/index.ts';
import type { Command, CommandContext } from '../command.ts';
import { followLinksToStorePath } from '../installables/follow-links.ts';
import { StorePathArguments } from '../installables/store-path-arguments.ts';
import { openCommandStore, openStoreHere } from '../open-store.ts';
import { collectAndSay } from './collect.ts';
import { type Operands, takeFlags } from './nix-store.ts';

/** `nix-store --delete` */
export async function storeDelete(operands: Operands, context: CommandContext): Promise<void> {
  const flags = takeFlags(operands, ['--ignore-liveness']);
  const ignoreLiveness = flags.has('--ignore-liveness');
  await using store = await openStoreToDeleteFrom(context, ignoreLiveness);
  const paths = operands.args.map(text => followLinksToStorePath(store, text));
  await collectAndSay(store, { paths, ignoreLiveness }, context);
}

/** No daemon lets anybody ignore what lives. */
function openStoreToDeleteFrom(context: CommandContext, ignoreLiveness: boolean): Promise<Store> {
  return ignoreLiveness ? openStoreHere(context) : openCommandStore(context);
}

/** `nix store delete` */
export function nixStoreDelete(context: CommandContext): Command {
  const wanted = new StorePathArguments(context);
  let ignoreLiveness = false;
  return {
    summary: 'Deletes paths from the store.',
    flags: [
      ...wanted.flags,
      {
        long: 'ignore-liveness',
        labels: [],
        summary: 'Delete paths although a root keeps them.',
        apply: () => (ignoreLiveness = true),
      },
    ],
    positionals: wanted.positionals,
    run: async () => {
      await using store = await openStoreToDeleteFrom(context, ignoreLiveness);
      const paths = (await wanted.resolve(store)).map(({ path }) => path);
      await collectAndSay(store, { paths, ignoreLiveness }, context);
    },
  };
}
