import { displayBytes } from '../../base/index.ts';
import { type Store, LocalStore, cleanProfiles, parseOlderThan } from '../../store/index.ts';
import { parseByteCount } from '../args/parse-byte-count.ts';
import type { CommandContext, LegacyCommand } from '../command.ts';
import { CliError } from '../error.ts';
import { openCommandStore } from '../open-store.ts';
import { profileEnvironment } from '../profile-environment.ts';
import { collectAndSay, sayDead } from './collect.ts';

/** `nix-collect-garbage` */
export function nixCollectGarbage(context: CommandContext): LegacyCommand {
  let deleteOld = false;
  let olderThan: string | undefined;
  let dryRun = false;
  let maxFreed: number | undefined;
  return {
    summary: 'Deletes what nothing keeps from the store, and old generations of profiles.',
    flags: [
      {
        long: 'delete-old',
        short: 'd',
        labels: [],
        summary: 'Delete all generations but the current ones first.',
        apply: () => (deleteOld = true),
      },
      {
        long: 'delete-older-than',
        labels: ['age'],
        summary: 'Delete generations that were not in use for so long (30d) first.',
        apply: age => {
          deleteOld = true;
          olderThan = displayBytes(age);
        },
      },
      { long: 'dry-run', labels: [], summary: 'Say what would be deleted.', apply: () => (dryRun = true) },
      {
        long: 'max-freed',
        labels: ['bytes'],
        summary: 'Stop once so many bytes are free.',
        apply: value => (maxFreed = parseByteCount(value)),
      },
    ],
    argument: text => {
      throw new CliError('usage/unexpected-argument', `unexpected argument '${displayBytes(text)}'`);
    },
    run: async () => {
      if (maxFreed !== undefined && dryRun)
        throw new CliError('usage/bad-value', 'options --max-freed and --dry-run cannot be combined');
      await using store = await openCommandStore(context);
      if (deleteOld) {
        const age = olderThan;
        await cleanProfiles(profileEnvironment(stateDirOf(store, context), context), {
          reporter: context.log,
          signal: context.signal,
          dryRun,
          ...(age === undefined || age === '' ? {} : { olderThan: () => parseOlderThan(age) }),
        });
      }
      if (dryRun) return await sayDead(store, context);
      return await collectAndSay(store, maxFreed === undefined ? {} : { maxFreed }, context);
    },
  };
}

/** Where the store looks for profiles. */
function stateDirOf(store: Store, { environment }: CommandContext): string {
  return store instanceof LocalStore ? store.dataFolder : environment.dataFolder;
}
