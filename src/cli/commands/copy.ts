import type { ByteString } from '../../base/index.ts';
import { StoreError, copyPaths } from '../../store/index.ts';
import type { Command, CommandContext } from '../command.ts';
import { CopyArguments } from '../installables/copy-arguments.ts';
import { makeOutLinks } from '../installables/make-out-links.ts';
import { ProfileArgument } from '../installables/profile-argument.ts';
import { pathsOf } from '../installables/realise-installables.ts';
import { realisationsOf } from '../installables/realisations-of.ts';
import { StorePathArguments } from '../installables/store-path-arguments.ts';

/** `nix copy` */
export function copy(context: CommandContext): Command {
  const wanted = new StorePathArguments(context, { recursive: true });
  const stores = new CopyArguments(context);
  let checkSignatures = true;
  let substitute = false;
  const profile = new ProfileArgument();
  let outLink: ByteString | undefined;
  return {
    summary: 'Copies store paths, and all that they refer to, from one store to another.',
    flags: [
      ...wanted.flags,
      ...stores.flags,
      profile.flag,
      {
        long: 'no-check-sigs',
        labels: [],
        summary: 'Take over paths that no trusted key has signed.',
        apply: () => (checkSignatures = false),
      },
      {
        long: 'out-link',
        short: 'o',
        labels: ['path'],
        summary: 'Make links to what was copied, named after the path.',
        apply: path => (outLink = path),
      },
      {
        long: 'substitute-on-destination',
        short: 's',
        labels: [],
        summary: 'Have the destination substitute what it can, if it is another machine.',
        apply: () => (substitute = true),
      },
    ],
    positionals: wanted.positionals,
    run: async () => {
      const { settings, log, signal } = context;
      await using from = await stores.openSource();
      const roots = await wanted.realise(from);
      await using to = await stores.openDestination();
      await copyPaths(from, to, roots.flatMap(pathsOf), {
        closure: wanted.recursive,
        realisations: settings.isEnabled('ca-derivations') ? await realisationsOf(from, roots) : [],
        checkSignatures,
        substitute,
        keepGoing: settings.get('keep-going'),
        reporter: log,
        signal,
      });
      await profile.update(to, roots.flatMap(pathsOf));
      if (outLink === undefined) return;
      if (to.collector === undefined) {
        throw new StoreError('store/unsupported', "'--out-link' is not supported for this Nix store");
      }
      await makeOutLinks(to.collector, outLink, roots);
    },
  };
}
