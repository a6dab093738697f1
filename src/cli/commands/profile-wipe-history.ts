import { displayBytes } from '../../base/index.ts';
import { deleteGenerationsOlderThan, deleteOldGenerations, parseOlderThan } from '../../store/index.ts';
import type { Command, CommandContext } from '../command.ts';
import { ManagedProfileFlag } from '../environments/managed-profile-flag.ts';

/** `nix profile wipe-history` */
export function profileWipeHistory(context: CommandContext): Command {
  const profile = new ManagedProfileFlag(context);
  let dryRun = false;
  let age: string | undefined;
  return {
    summary: 'Deletes the generations of a profile that are not in use.',
    flags: [
      profile.flag,
      {
        long: 'older-than',
        labels: ['age'],
        summary: 'Delete only those older than so many days (30d).',
        apply: text => (age = displayBytes(text)),
      },
      { long: 'dry-run', labels: [], summary: 'Say what would be done.', apply: () => (dryRun = true) },
    ],
    positionals: [],
    run: () => {
      const options = { reporter: context.log, signal: context.signal, dryRun };
      return age === undefined
        ? deleteOldGenerations(profile.path, options)
        : deleteGenerationsOlderThan(profile.path, parseOlderThan(age), options);
    },
  };
}
