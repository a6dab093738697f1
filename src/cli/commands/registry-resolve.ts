import { displayBytes } from '../../base/index.ts';
import { formatFlakeRef } from '../../eval/index.ts';
import type { Command, CommandContext } from '../command.ts';
import { openRegistries } from '../open-registries.ts';
import { parseRegistryRef } from './registry-file.ts';

/** `nix registry resolve` */
export function registryResolve(context: CommandContext): Command {
  let urls: readonly string[] = [];
  return {
    summary: 'Prints what references of flakes stand for.',
    flags: [],
    positionals: [{ label: 'flake-refs', arity: 'any', apply: (...given) => (urls = given.map(displayBytes)) }],
    run: async () => {
      const registries = openRegistries(context);
      for (const url of urls) {
        const resolved = await registries.resolve(parseRegistryRef(context, url), 'all');
        context.out.line(formatFlakeRef(resolved));
      }
    },
  };
}
