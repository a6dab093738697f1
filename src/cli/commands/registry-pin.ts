import { displayBytes } from '../../base/index.ts';
import { fetchTree } from '../../engine/index.ts';
import { inputFromAttributes, inputToUrl, isLockedInput } from '../../eval/index.ts';
import type { Command, CommandContext } from '../command.ts';
import { evaluationFlags, noArguments } from '../evaluation/evaluation-arguments.ts';
import { fetchContext } from '../evaluation/fetch-context.ts';
import { openRegistries } from '../open-registries.ts';
import { RegistryFile, parseRegistryRef } from './registry-file.ts';

/** `nix registry pin` */
export function registryPin(context: CommandContext): Command {
  const file = new RegistryFile(context);
  let url = '';
  let locked: string | undefined;
  return {
    summary: 'Lets a name stand for what it, or another flake, is now.',
    flags: [...evaluationFlags(noArguments()), file.flag],
    positionals: [
      { label: 'url', arity: 1, apply: text => (url = displayBytes(text)) },
      { label: 'locked', arity: 1, optional: true, apply: text => (locked = displayBytes(text)) },
    ],
    run: async () => {
      const { environment } = context;
      const ref = parseRegistryRef(context, url);
      const { input } = await openRegistries(context).resolve(parseRegistryRef(context, locked ?? url), 'all');
      const { attributes } = await fetchTree(
        input.attributes,
        inputToUrl(input),
        fetchContext(context, () => environment.temporaryDir),
      );
      const pinned = inputFromAttributes(new Map(attributes).set('__final', true));
      if (!isLockedInput(pinned)) context.log.warn(`flake '${inputToUrl(pinned)}' is not locked`);
      file.change(ref, { input: pinned, folder: ref.folder });
    },
  };
}
