import type { ProfileEnvironment } from '../store/index.ts';
import type { CommandContext } from './command.ts';

/** Where the user's profiles are, and the system's in the store's state folder. */
export function profileEnvironment(stateDir: string, { environment, settings }: CommandContext): ProfileEnvironment {
  return {
    stateDir,
    userStateDir: environment.userStateDir,
    home: environment.home,
    isRoot: environment.isRoot,
    useXdg: settings.get('use-xdg-base-directories'),
  };
}
