import { byteStringFromText } from '../../base/index.ts';
import { formatDigest } from '../../castore/index.ts';
import { type StorePath, printStorePath } from '../../nix-compat/index.ts';
import { LocalStore, type Store, parseRoot } from '../../store/index.ts';
import type { Command, CommandContext } from '../command.ts';
import { CliError } from '../error.ts';
import { StorePathArguments } from '../installables/store-path-arguments.ts';
import { openCommandStore } from '../open-store.ts';

/** `firn store pin`: store paths with what their contents have to be, as actions name them. */
export function storePin(context: CommandContext): Command {
  const wanted = new StorePathArguments(context, { recursive: true });
  return {
    summary: 'Prints closures as actions name them: `PATH#HASH/SIZE`, with the digests of files and directories.',
    isStable: true,
    flags: wanted.flags,
    positionals: wanted.positionals,
    run: async () => {
      await using store = await openCommandStore(context);
      for (const { path } of await wanted.resolve(store)) {
        const root = await rootOf(store, path, context.signal);
        const printed = printStorePath(store.storeDir, path);
        // A symlink is all in the path info, and has no digest.
        context.out.byteLine(
          byteStringFromText(root.kind === 'symlink' ? printed : `${printed}#${formatDigest(root.digest)}`),
        );
      }
    },
  };
}

/** As the store itself says: the digest is a promise to whoever executes, who looks whether it is kept. */
async function rootOf(store: Store, path: StorePath, signal: AbortSignal) {
  if (store instanceof LocalStore) return store.rootOf(path);
  const claim = await store.lazyTrees?.claim(path, { signal });
  const root = claim && parseRoot(claim.root);
  if (root !== undefined) return root;
  const message = `'${store.uri}' does not say what the tree of '${printStorePath(store.storeDir, path)}' is: ask the store that keeps it, or a cache that 'firn serve' serves`;
  throw new CliError('store/not-local', message);
}
