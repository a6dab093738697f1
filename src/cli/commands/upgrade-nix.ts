import type { Command, CommandContext } from '../command.ts';
import { CliError } from '../error.ts';

/** A flag that scripts give. */
function ignored(long: string, labels: readonly string[], summary: string) {
  return { long, labels, summary, apply: () => {} };
}

/** `nix upgrade-nix`: Firn is no package of a profile, and does not replace a Nix that is one. */
export function upgradeNix(_context: CommandContext): Command {
  return {
    summary: 'Says how Firn is upgraded.',
    isStable: true,
    flags: [
      ignored('dry-run', [], 'Change nothing.'),
      ignored('nix-store-paths-url', ['URL'], 'Of no use here.'),
      ignored('profile', ['PROFILE-DIR'], 'Of no use here.'),
    ],
    positionals: [],
    run: () => {
      const message =
        "Firn is upgraded the way it was installed, and touches no Nix in a profile: by 'npm install --global firn@latest', or by 'git pull' in a clone";
      throw new CliError('command/absent', message);
    },
  };
}
