import type { CommandContext } from '../command.ts';
import { versionLine } from '../version.ts';

/** What `program --version` prints, and with `-v` beside it. */
export function versionText(program: string, { log, settings, environment }: CommandContext): string {
  const lines = [versionLine(program)];
  if (log.shows('talkative')) {
    lines.push(
      `System type: ${settings.get('system')}`,
      `Additional system types: ${[...settings.get('extra-platforms')].join(', ')}`,
      'Features: signed-caches',
      `System configuration file: "${environment.systemConfFile}"`,
      `User configuration files: ${environment.userConfFiles.join(':')}`,
      `Store directory: ${environment.storeDir}`,
      `State directory: "${environment.stateDir}"`,
      `Data folder: ${environment.dataFolder}`,
    );
  }
  return lines.map(line => `${line}\n`).join('');
}
