import { accessSync, constants } from 'node:fs';
import { dirname, join } from 'node:path';
import { builtFolder, snapshotOption } from '../base/index.ts';
import type { CommandContext } from './command.ts';

/**
 * To be called, before they do anything, by commands whose threads load what those of a process from a snapshot cannot
 * (docs/adr/0009). Such a process begins anew without one, with `more` options of Node's; otherwise nothing happens.
 */
export function leaveSnapshot(context: CommandContext, more: readonly string[] = []): void {
  const options = process.execArgv.filter(option => !option.startsWith(snapshotOption) && option !== '--');
  if (options.length === process.execArgv.length) return;
  const { execPath, argv, env } = process;
  const command = [execPath, ...options, ...more, join(builtFolder(), 'firn.cjs'), ...argv.slice(1)];
  process.execve?.(execPath, command, { ...env, ...compileCache(context), FIRN_ARGV0: context.program });
}

/** Has compiled code kept where the launcher has it kept for processes from the bundle. */
function compileCache({ environment }: CommandContext): Record<string, string> {
  if (environment.variables['NODE_COMPILE_CACHE'] !== undefined) return {};
  const folder = isWritable(builtFolder()) ? builtFolder() : join(dirname(environment.cacheFolder), 'firn');
  const cache = join(folder, 'compile-cache');
  return { NODE_COMPILE_CACHE: cache, FIRN_COMPILE_CACHE: cache };
}

function isWritable(folder: string): boolean {
  try {
    accessSync(folder, constants.W_OK);
    return true;
  } catch {
    return false;
  }
}
