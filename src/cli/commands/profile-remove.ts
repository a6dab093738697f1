import { displayBytes } from '../../base/index.ts';
import { identifierOf } from '../../engine/index.ts';
import type { Command, CommandContext } from '../command.ts';
import { ManagedProfileFlag } from '../environments/managed-profile-flag.ts';
import { readProfile, writeProfile } from '../environments/managed-profile.ts';
import { ProfileMatchers } from '../environments/profile-matchers.ts';
import { openCommandStore } from '../open-store.ts';

/** `nix profile remove` */
export function profileRemove(context: CommandContext): Command {
  const profile = new ManagedProfileFlag(context);
  const matchers = new ProfileMatchers();
  return {
    summary: 'Removes packages from a profile.',
    flags: [profile.flag, ...matchers.flags],
    positionals: matchers.positionals,
    run: async () => {
      const { log } = context;
      await using store = await openCommandStore(context);
      const { path } = profile;
      const manifest = await readProfile(store, path, context);
      const names = matchers.find(manifest, store.storeDir, context);
      if (names.size === 0) {
        log.warn("No packages to remove. Use 'nix profile list' to see the current profile.");
        return;
      }
      for (const [name, element] of manifest) {
        if (names.has(name)) log.log('notice', `removing '${displayBytes(identifierOf(element))}'`);
      }
      const kept = new Map([...manifest].filter(([name]) => !names.has(name)));
      log.log('info', `removed ${names.size} packages, kept ${kept.size} packages`);
      await writeProfile(store, kept, { profile: path, context });
    },
  };
}
