import { byteStringFromText } from '../../base/index.ts';
import { completePath } from '../args/complete-path.ts';
import type { Command, CommandContext } from '../command.ts';
import { CliError } from '../error.ts';
import { dumpablePath, writeNarOfPath } from './nar-of-path.ts';

/** `nix nar pack` */
export function narPack({ out, settings }: CommandContext): Command {
  let path = byteStringFromText('');
  return {
    summary: 'Writes the NAR of a file tree to standard output.',
    flags: [],
    positionals: [{ label: 'path', arity: 1, complete: completePath, apply: given => (path = given) }],
    run: () => {
      if (out.isTerminal) throw new CliError('usage/terminal', 'refusing to write NAR to a terminal');
      writeNarOfPath(dumpablePath(path), settings, chunk => out.write(chunk));
    },
  };
}

/** `nix nar dump-path`, its old name. */
export function narDumpPath(context: CommandContext): Command {
  const pack = narPack(context);
  return {
    ...pack,
    run: () => {
      context.log.warn("'nix nar dump-path' is a deprecated alias for 'nix nar pack'");
      return pack.run();
    },
  };
}
