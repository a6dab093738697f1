import { join } from 'node:path';
import { builtFolder, snapshotOption } from '../base/index.ts';
import type { CommandContext } from './command.ts';

/**
 * To be called, before they do anything, by commands whose threads load what those of a process from a snapshot cannot
 * (docs/adr/0009). Such a process begins anew without one; otherwise nothing happens.
 */
export function leaveSnapshot(context: CommandContext): void {
  const options = process.execArgv.filter(option => !option.startsWith(snapshotOption) && option !== '--');
  if (options.length === process.execArgv.length) return;
  const { execPath, argv, env } = process;
  const command = [execPath, ...options, join(builtFolder(), 'firn.cjs'), ...argv.slice(1)];
  process.execve?.(execPath, command, { ...env, FIRN_ARGV0: context.program });
}
