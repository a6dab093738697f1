import { displayBytes } from '../../base/index.ts';
import type { Command, CommandContext } from '../command.ts';
import { evaluationFlags, noArguments } from '../evaluation/evaluation-arguments.ts';
import { RegistryFile, parseRegistryRef } from './registry-file.ts';

/** `nix registry add` */
export function registryAdd(context: CommandContext): Command {
  const file = new RegistryFile(context);
  let from = '';
  let to = '';
  return {
    summary: "Lets a name stand for a flake, in the user's registry.",
    flags: [...evaluationFlags(noArguments()), file.flag],
    positionals: [
      { label: 'from-url', arity: 1, apply: text => (from = displayBytes(text)) },
      { label: 'to-url', arity: 1, apply: text => (to = displayBytes(text)) },
    ],
    run: () => file.change(parseRegistryRef(context, from), parseRegistryRef(context, to)),
  };
}
