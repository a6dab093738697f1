import type { Registry } from '../../engine/index.ts';
import { formatFlakeRef, inputToUrl } from '../../eval/index.ts';
import type { Command, CommandContext } from '../command.ts';
import { openRegistries } from '../open-registries.ts';

const labels: { readonly [kind in Registry['kind']]: string } = {
  flag: 'flags ',
  user: 'user  ',
  system: 'system',
  global: 'global',
};

/** `nix registry list` */
export function registryList(context: CommandContext): Command {
  return {
    summary: 'Lists what the registries have names for.',
    flags: [],
    positionals: [],
    run: async () => {
      for (const { kind, entries } of await openRegistries(context).all()) {
        for (const { from, to } of entries) {
          context.out.line(`${labels[kind]} ${inputToUrl(from)} ${formatFlakeRef(to)}`);
        }
      }
    },
  };
}
