import type { CommandContext } from '../command.ts';
import { type Lines, PlainLines } from './lines.ts';

/** What prompts of this invocation read, opened when it is first asked for. */
export function openLines({ out }: CommandContext): () => Lines {
  let opened: Lines | undefined;
  return () => (opened ??= new PlainLines(out, process.env['_NIX_TEST_REPL_ECHO'] === '1'));
}
