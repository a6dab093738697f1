import { displayBytes } from '../../base/index.ts';
import type { Command, CommandContext } from '../command.ts';
import { RegistryFile, parseRegistryRef } from './registry-file.ts';

/** `nix registry remove` */
export function registryRemove(context: CommandContext): Command {
  const file = new RegistryFile(context);
  let url = '';
  return {
    summary: "Removes what stands for a flake from the user's registry.",
    flags: [file.flag],
    positionals: [{ label: 'url', arity: 1, apply: text => (url = displayBytes(text)) }],
    run: () => file.change(parseRegistryRef(context, url)),
  };
}
