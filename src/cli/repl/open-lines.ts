import type { CommandContext } from '../command.ts';
import { stdin } from '../read-input.ts';
import { isTerminal } from '../render/is-terminal.ts';
import { type Lines, PlainLines } from './lines.ts';
import { TerminalLines } from './terminal-lines.ts';

/** What prompts of this invocation read, opened when it is first asked for. */
export function openLines({ out, log, environment }: CommandContext): () => Lines {
  let opened: Lines | undefined;
  const open = (): Lines => {
    if (!isTerminal(stdin) || !out.isTerminal) return new PlainLines(out, process.env['_NIX_TEST_REPL_ECHO'] === '1');
    return new TerminalLines(`${environment.userDataDir}/repl-history`, message => log.warn(message));
  };
  return () => (opened ??= open());
}
