import { displayBytes } from '../../base/index.ts';
import { switchGeneration } from '../../store/index.ts';
import type { Command, CommandContext } from '../command.ts';
import { ManagedProfileFlag } from '../environments/managed-profile-flag.ts';
import { CliError } from '../error.ts';

/** `nix profile rollback` */
export function profileRollback(context: CommandContext): Command {
  const profile = new ManagedProfileFlag(context);
  let dryRun = false;
  let number: number | undefined;
  return {
    summary: 'Goes back to an earlier generation of a profile.',
    flags: [
      profile.flag,
      {
        long: 'to',
        labels: ['version'],
        summary: 'Go to this generation; the one before unless given.',
        apply: text => {
          if (!/^[0-9]+$/.test(text))
            throw new CliError('usage/bad-value', `'${displayBytes(text)}' is not an integer`);
          number = Number(text);
        },
      },
      { long: 'dry-run', labels: [], summary: 'Say what would be done.', apply: () => (dryRun = true) },
    ],
    positionals: [],
    run: () => switchGeneration(profile.path, number, { reporter: context.log, signal: context.signal, dryRun }),
  };
}
