import { existsSync } from 'node:fs';
import { join } from 'node:path';
import type { CommandContext } from './command.ts';

/** The folder of expressions that `nix-env` takes packages from unless told otherwise. */
export function definitionsFolder({ environment, settings }: CommandContext): string {
  return settings.get('use-xdg-base-directories')
    ? join(environment.userStateDir, 'defexpr')
    : join(environment.home, '.nix-defexpr');
}

/** The profile that has root's channels. */
export function rootChannels({ environment }: CommandContext): string {
  return join(environment.dataFolder, 'profiles', 'per-user', 'root', 'channels');
}

/** What channels add to the search path, as far as there are any: the user's, then root's. */
export function channelEntries(context: CommandContext): string[] {
  if (context.settings.get('restrict-eval')) return [];
  const own = join(definitionsFolder(context), 'channels');
  const ofRoot = rootChannels(context);
  const entries = [
    { folder: own, entry: own },
    { folder: join(ofRoot, 'nixpkgs'), entry: `nixpkgs=${join(ofRoot, 'nixpkgs')}` },
    { folder: ofRoot, entry: ofRoot },
  ];
  return entries.flatMap(({ folder, entry }) => (existsSync(folder) ? [entry] : []));
}
