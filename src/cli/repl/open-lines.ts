import type { CommandContext } from '../command.ts';
import { leaveSnapshot } from '../leave-snapshot.ts';
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

/** To be called by commands that may open lines before they do anything: the thread that edits them loads `node:tty`. */
export function prepareLines(context: CommandContext): void {
  if (isOnTerminal(context)) leaveSnapshot(context);
}

function isOnTerminal({ out }: CommandContext): boolean {
  return isTerminal(stdin) && out.isTerminal;
}
