import { type ByteString, byteStringFromText, displayBytes } from '../../base/index.ts';
import type { Command, CommandContext } from '../command.ts';
import { CliError } from '../error.ts';
import type { NamedPath } from '../installables/installable.ts';
import { showBuildLog } from '../installables/show-build-log.ts';
import { SourceArguments } from '../installables/source-arguments.ts';
import { openCommandStore } from '../open-store.ts';

/** `nix log` */
export function buildLog(context: CommandContext): Command {
  const source = new SourceArguments(context);
  let typed: ByteString = byteStringFromText('.');
  return {
    summary: 'Prints the log of a build.',
    flags: source.flags,
    positionals: [
      { label: 'installable', arity: 1, optional: true, complete: source.complete, apply: given => (typed = given) },
    ],
    run: async () => {
      await using store = await openCommandStore(context);
      await showBuildLog(store, only(await source.resolve(store, [typed]), typed), context);
    },
  };
}

function only(found: readonly NamedPath[], typed: ByteString): NamedPath {
  const [first, ...others] = found;
  if (first !== undefined && others.length === 0) return first;
  const message = `installable '${displayBytes(typed)}' evaluates to ${found.length} derivations, where only one is expected`;
  throw new CliError('installable/not-one-path', message);
}
