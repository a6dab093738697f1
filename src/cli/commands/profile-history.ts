import { type ProfileManifest, manifestDifference } from '../../engine/index.ts';
import { findGenerations } from '../../store/index.ts';
import type { Command, CommandContext } from '../command.ts';
import { ManagedProfileFlag } from '../environments/managed-profile-flag.ts';
import { readProfile } from '../environments/managed-profile.ts';
import { openCommandStore } from '../open-store.ts';
import { bold, green, normal } from '../render/ansi.ts';

/** `nix profile history` */
export function profileHistory(context: CommandContext): Command {
  const profile = new ManagedProfileFlag(context);
  return {
    summary: 'Shows what changed between the generations of a profile.',
    flags: [profile.flag],
    positionals: [],
    run: async () => {
      const { out } = context;
      await using store = await openCommandStore(context);
      const { all, current } = findGenerations(profile.path);
      let before: { readonly number: number; readonly manifest: ProfileManifest } | undefined;
      for (const { number, path, created } of all) {
        const manifest = await readProfile(store, path, context);
        if (before !== undefined) out.line('');
        const day = new Date(created * 1000).toISOString().slice(0, 10);
        const since = before === undefined ? '' : ` <- ${before.number}`;
        out.line(`Version ${number === current ? green : bold}${number}${normal} (${day})${since}:`);
        const changes = manifestDifference(before?.manifest ?? new Map(), manifest);
        for (const line of changes.length === 0 ? ['No changes.'] : changes) out.line(`  ${line}`);
        before = { number, manifest };
      }
    },
  };
}
