import type { CommandContext, LegacyCommand } from '../command.ts';
import { CliError } from '../error.ts';
import { DaemonArguments } from './daemon-arguments.ts';

/** `nix-daemon` */
export function nixDaemon(context: CommandContext): LegacyCommand {
  const daemon = new DaemonArguments(context);
  return {
    summary: 'Serves the store to other processes.',
    flags: [...daemon.flags, { long: 'daemon', labels: [], summary: 'Changes nothing.', apply: () => {} }],
    argument: () => {
      throw new CliError('usage/unexpected-argument', 'no arguments expected');
    },
    run: () => daemon.run(),
  };
}
