import { byteStringFromText } from '../../base/index.ts';
import { findGenerations } from '../../store/index.ts';
import { closureDifference } from '../closure-difference.ts';
import type { Command, CommandContext } from '../command.ts';
import { ManagedProfileFlag } from '../environments/managed-profile-flag.ts';
import { followLinksToStorePath } from '../installables/follow-links.ts';
import { openCommandStore } from '../open-store.ts';

/** `nix profile diff-closures` */
export function profileDiffClosures(context: CommandContext): Command {
  const profile = new ManagedProfileFlag(context);
  return {
    summary: 'Shows which packages and versions the generations of a profile differ in.',
    flags: [profile.flag],
    positionals: [],
    run: async () => {
      await using store = await openCommandStore(context);
      const generations = findGenerations(profile.path).all.map(({ number, path }) => {
        return { number, path: followLinksToStorePath(store, byteStringFromText(path)) };
      });
      for (const [at, { number, path }] of generations.entries()) {
        const before = generations[at - 1];
        if (before === undefined) continue;
        if (at > 1) context.out.line('');
        context.out.line(`Version ${before.number} -> ${number}:`);
        for (const line of await closureDifference(store, before.path, path)) context.out.line(`  ${line}`);
      }
    },
  };
}
