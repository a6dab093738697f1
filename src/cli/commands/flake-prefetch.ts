import { type ByteString, byteStringFromText, displayBytes } from '../../base/index.ts';
import { inputAttributesAsJson } from '../../engine/index.ts';
import { flakeRefToAttributes, formatFlakeRef, textAttribute } from '../../eval/index.ts';
import { formatJson, jsonObject, printStorePath } from '../../nix-compat/index.ts';
import { requireFacet } from '../../store/index.ts';
import { completePath } from '../args/complete-path.ts';
import { switchFlag } from '../args/flag.ts';
import type { Command, CommandContext } from '../command.ts';
import { FlakeCommandArguments } from '../flakes/flake-command.ts';
import { makeOutLinks } from '../installables/make-out-links.ts';
import { jsonFlags } from './json-flags.ts';

/** `nix flake prefetch` */
export function flakePrefetch(context: CommandContext): Command {
  const wanted = new FlakeCommandArguments(context);
  let json = false;
  let pretty = context.out.isTerminal;
  let outLink: ByteString | undefined;
  return {
    summary: 'Fetches the tree of a flake into the store.',
    flags: [
      ...wanted.flags,
      {
        long: 'out-link',
        short: 'o',
        labels: ['path'],
        summary: 'Name a link to the tree so.',
        complete: completePath,
        apply: path => (outLink = path),
      },
      switchFlag('json', 'Print JSON.', () => (json = true)),
      ...jsonFlags(chosen => (pretty = chosen)),
    ],
    positionals: wanted.positionals,
    run: async () => {
      const reference = wanted.reference();
      const evaluation = wanted.evaluation();
      const { resolved, locked, path } = await evaluation.flakes.fetch(reference);
      await evaluation.commit();
      const { storeDir } = evaluation.evaluator.io;
      const hash = textAttribute(locked.input.attributes, 'narHash') ?? '';
      // What was found out is not said to be all that there is to know; of archives their contents say which they are.
      const attributes = new Map(flakeRefToAttributes(locked));
      attributes.delete('__final');
      const isNamedByHash = attributes.get('type') === 'tarball' || reference.input.attributes.has('narHash');
      if (!isNamedByHash) attributes.delete('narHash');
      if (json) {
        const result = jsonObject({
          storePath: printStorePath(storeDir, path),
          hash: byteStringFromText(hash),
          original: inputAttributesAsJson(flakeRefToAttributes(resolved)),
          locked: inputAttributesAsJson(attributes),
        });
        context.out.byteLine(formatJson(result, pretty ? 2 : undefined));
      } else {
        const shown = formatFlakeRef({ ...locked, input: { ...locked.input, attributes } });
        const place = displayBytes(printStorePath(storeDir, path));
        context.log.log('notice', `Downloaded '${shown}' to '${place}' (hash '${hash}').`);
      }
      if (outLink === undefined) return;
      const store = await evaluation.store();
      await makeOutLinks(requireFacet(store, 'collector', 'addIndirectRoot'), outLink, [{ kind: 'path', path }]);
    },
  };
}
