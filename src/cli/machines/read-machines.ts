import { readFileSync } from 'node:fs';
import { errnoOf } from '../../base/index.ts';
import { type Machine, parseMachines } from '../../nix-compat/index.ts';
import type { CommandContext } from '../command.ts';

/** The machines that the setting `builders` names. Throws `machine/…`, and the system's errors for files. */
export function readMachines({ settings, log }: Pick<CommandContext, 'settings' | 'log'>): Machine[] {
  return parseMachines(settings.get('builders'), {
    systems: new Set([settings.get('system')]),
    workingDirectory: process.cwd(),
    readFile: path => {
      try {
        return readFileSync(path, 'utf8');
      } catch (error) {
        if (errnoOf(error) !== 'ENOENT') throw error;
        log.log('debug', `cannot find machines file '${path}'`);
        return undefined;
      }
    },
  });
}
