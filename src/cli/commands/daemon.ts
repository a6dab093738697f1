import type { Command, CommandContext } from '../command.ts';
import { DaemonArguments } from './daemon-arguments.ts';

/** `nix daemon` */
export function daemon(context: CommandContext): Command {
  const served = new DaemonArguments(context);
  return {
    summary: 'Serves the store to other processes.',
    flags: served.flags,
    positionals: [],
    run: () => served.run(),
  };
}
