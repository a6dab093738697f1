import { type ByteString, byteStringFromText } from '../../base/index.ts';
import type { NarListing } from '../../nix-compat/index.ts';
import type { TreeAccess, TreeEntry, TreePath } from '../../store/index.ts';
import type { Command, CommandContext } from '../command.ts';
import { openCommandStore } from '../open-store.ts';
import { entryAt, openStoreObject } from '../store-object.ts';
import { checkListingOptions, listingFlags, newListingOptions, printListing } from './print-listing.ts';

/** `nix store ls` */
export function storeLs(context: CommandContext): Command {
  let path = byteStringFromText('');
  const options = newListingOptions();
  return {
    summary: 'Lists what the store has at a path.',
    flags: listingFlags(options),
    positionals: [{ label: 'path', arity: 1, apply: given => (path = given) }],
    run: async () => {
      await using store = await openCommandStore(context);
      const place = await openStoreObject(store, path);
      checkListingOptions(options);
      const entry = await entryAt(place);
      const { tree, names } = place;
      // In JSON, types are told of what is below only with `--recursive`.
      const isShallow = options.json || options.directory || !options.long;
      const depth = options.recursive ? Infinity : isShallow ? 0 : 1;
      const listing = await listTree(tree, names, { entry, depth });
      printListing(listing, names.at(-1) ?? '', { out: context.out, options });
    },
  };
}

/** `depth`: levels below the entry of which the types are wanted. Recursion is bounded by the depth of trees. */
async function listTree(
  tree: TreeAccess,
  path: TreePath,
  { entry, depth }: { readonly entry: TreeEntry; readonly depth: number },
): Promise<NarListing> {
  if (entry.type === 'symlink') return entry;
  if (entry.type === 'regular') return { narOffset: undefined, ...entry };
  const entries = new Map<ByteString, NarListing>();
  for (const name of entry.names) {
    const below = depth > 0 ? await tree.lookup([...path, name]) : undefined;
    entries.set(
      name,
      below === undefined ? unknown : await listTree(tree, [...path, name], { entry: below, depth: depth - 1 }),
    );
  }
  return { type: 'directory', entries };
}

/** For what only the name is shown. */
const unknown: NarListing = { type: 'directory', entries: new Map() };
