import { type ByteString, brandAs, byteStringFromText, displayBytes } from '../../base/index.ts';
import { type NarListing, NarLister, findListed } from '../../nix-compat/index.ts';
import type { Command, CommandContext } from '../command.ts';
import { CliError } from '../error.ts';
import { pathFromRoot } from '../paths.ts';
import { withOpenFile } from '../read-input.ts';
import { checkListingOptions, listingFlags, newListingOptions, printListing } from './print-listing.ts';
import { readNarFrom } from './read-nar-file.ts';

/** `nix nar ls` */
export function narLs(context: CommandContext): Command {
  let nar = byteStringFromText('');
  let path = byteStringFromText('/');
  const options = newListingOptions();
  return {
    summary: 'Lists what a NAR holds at a path.',
    flags: listingFlags(options),
    positionals: [
      { label: 'nar', arity: 1, apply: given => (nar = given) },
      { label: 'path', arity: 1, apply: given => (path = pathFromRoot(given)) },
    ],
    run: async () => {
      const root = await withOpenFile('opening NAR file', nar, listNar);
      checkListingOptions(options);
      const names = path
        .split('/')
        .filter(name => name !== '')
        .map(brandAs<ByteString>);
      const node = findListed(root, names);
      if (node === undefined) {
        throw new CliError('nar/no-such-path', `path '«unknown»${displayBytes(path)}' does not exist`);
      }
      printListing(node, names.at(-1) ?? '', { out: context.out, options });
    },
  };
}

function listNar(fd: number): NarListing {
  const lister = new NarLister();
  readNarFrom(fd, lister);
  if (lister.listing === undefined) throw new TypeError('a NAR without a root was accepted');
  return lister.listing;
}
