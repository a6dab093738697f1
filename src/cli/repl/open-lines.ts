import { join } from 'node:path';
import { builtFolder, snapshotOption } from '../../base/index.ts';
import type { CommandContext } from '../command.ts';
import { stdin } from '../read-input.ts';
import { isTerminal } from '../render/is-terminal.ts';
import { type Lines, PlainLines } from './lines.ts';
import { TerminalLines } from './terminal-lines.ts';

/** What prompts of this invocation read, opened when it is first asked for. */
export function openLines(context: CommandContext): () => Lines {
  const { out, log, environment } = context;
  let opened: Lines | undefined;
  const open = (): Lines => {
    if (!isOnTerminal(context)) return new PlainLines(out, process.env['_NIX_TEST_REPL_ECHO'] === '1');
    return new TerminalLines(`${environment.userDataDir}/repl-history`, message => log.warn(message));
  };
  return () => (opened ??= open());
}

/**
 * To be called by commands that may open lines before they do anything. The thread that edits those of a terminal cannot load
 * `node:tty` in a process from a snapshot (docs/adr/0009): such a process begins anew without one.
 */
export function prepareLines(context: CommandContext): void {
  const options = process.execArgv.filter(option => !option.startsWith(snapshotOption) && option !== '--');
  if (options.length === process.execArgv.length || !isOnTerminal(context)) return;
  const { execPath, argv, env } = process;
  const command = [execPath, ...options, join(builtFolder(), 'firn.cjs'), ...argv.slice(1)];
  process.execve?.(execPath, command, { ...env, FIRN_ARGV0: context.program });
}

function isOnTerminal({ out }: CommandContext): boolean {
  return isTerminal(stdin) && out.isTerminal;
}
