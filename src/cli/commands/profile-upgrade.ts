import { displayBytes } from '../../base/index.ts';
import { identifierOf } from '../../engine/index.ts';
import type { Command, CommandContext } from '../command.ts';
import { ManagedProfileFlag } from '../environments/managed-profile-flag.ts';
import { readProfile } from '../environments/managed-profile.ts';
import { ProfileMatchers } from '../environments/profile-matchers.ts';
import { CliError } from '../error.ts';
import { openCommandStore } from '../open-store.ts';

/** `nix profile upgrade`: only what came from flakes can be upgraded, since of nothing else it is known from where it came. */
export function profileUpgrade(context: CommandContext): Command {
  const profile = new ManagedProfileFlag(context);
  const matchers = new ProfileMatchers();
  return {
    summary: 'Upgrades packages that were added from flakes.',
    flags: [profile.flag, ...matchers.flags],
    positionals: matchers.positionals,
    run: async () => {
      const { log } = context;
      await using store = await openCommandStore(context);
      const manifest = await readProfile(store, profile.path, context);
      const names = matchers.find(manifest, store.storeDir, context);
      if (names.size === 0) {
        log.warn("No packages to upgrade. Use 'nix profile list' to see the current profile.");
        return;
      }
      for (const [name, element] of manifest) {
        if (!names.has(name)) continue;
        const shown = displayBytes(identifierOf(element));
        if (element.source !== undefined) {
          const message = `'${shown}' was added from a flake, and this version of Firn cannot evaluate flakes yet`;
          throw new CliError('installable/needs-evaluation', message);
        }
        log.warn(`Found package '${shown}', but it was not added from a flake, so it can't be checked for upgrades!`);
      }
      log.warn('Found some packages but none of them could be upgraded.');
    },
  };
}
