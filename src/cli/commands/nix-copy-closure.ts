import { type ByteString, displayBytes } from '../../base/index.ts';
import { type Store, copyPaths } from '../../store/index.ts';
import type { Flag } from '../args/flag.ts';
import type { CommandContext, LegacyCommand } from '../command.ts';
import { CliError } from '../error.ts';
import { followLinksToStorePath } from '../installables/follow-links.ts';
import { openCommandStore, openStoreAt } from '../open-store.ts';

/** `nix-copy-closure`: between this machine's store and that of another, through ssh. */
export function nixCopyClosure(context: CommandContext): LegacyCommand {
  let isUpload = true;
  let compress = false;
  let substitute = false;
  let host: string | undefined;
  const paths: ByteString[] = [];
  const compressWith = (long: string) => ({
    long,
    labels: [],
    summary: 'Compress what is sent.',
    apply: () => {
      if (long !== 'gzip') context.log.warn(`'--${long}' is not implemented, falling back to gzip`);
      compress = true;
    },
  });
  return {
    summary: 'Copies store paths, and all that they refer to, to or from another machine.',
    flags: [
      { long: 'to', labels: [], summary: 'Copy to the other machine.', apply: () => (isUpload = true) },
      { long: 'from', labels: [], summary: 'Copy from the other machine.', apply: () => (isUpload = false) },
      ...['gzip', 'bzip2', 'xz'].map(compressWith),
      ignored('include-outputs', 'Changes nothing.'),
      ignored('dry-run', 'Changes nothing.'),
      {
        long: 'show-progress',
        labels: [],
        summary: 'Changes nothing.',
        apply: () => context.log.log('error', "Warning: '--show-progress' is not implemented"),
      },
      {
        long: 'use-substitutes',
        short: 's',
        labels: [],
        summary: 'Have the other machine substitute what it can.',
        apply: () => (substitute = true),
      },
    ],
    argument: text => {
      if (host === undefined) host = displayBytes(text);
      else paths.push(text);
    },
    run: async () => {
      if (host === undefined) throw new CliError('usage/missing-argument', 'no host name specified');
      const remote = () => openStoreAt(`ssh://${host}${compress ? '?compress=true' : ''}`, context);
      const local = () => openCommandStore(context);
      await using to: Store = await (isUpload ? remote() : local());
      await using from: Store = await (isUpload ? local() : remote());
      const wanted = paths.map(text => followLinksToStorePath(from, text));
      const { log, signal } = context;
      await copyPaths(from, to, wanted, { closure: true, checkSignatures: false, substitute, reporter: log, signal });
    },
  };
}

function ignored(long: string, summary: string): Flag {
  return { long, labels: [], summary, apply: () => {} };
}
