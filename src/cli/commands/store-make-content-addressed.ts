import { type ByteString, brandAs, displayBytes } from '../../base/index.ts';
import { type JsonObject, type StorePath, formatJson, jsonObject, printStorePath } from '../../nix-compat/index.ts';
import { type Store, computeClosure, makeContentAddressed, sortInfos, sortPaths } from '../../store/index.ts';
import type { Command, CommandContext } from '../command.ts';
import { CopyArguments } from '../installables/copy-arguments.ts';
import { pathsOf } from '../installables/realise-installables.ts';
import { StorePathArguments } from '../installables/store-path-arguments.ts';
import { jsonFlags } from './json-flags.ts';

/** `nix store make-content-addressed` */
export function storeMakeContentAddressed(context: CommandContext): Command {
  const wanted = new StorePathArguments(context);
  const stores = new CopyArguments(context);
  let json = false;
  let pretty = context.out.isTerminal;
  return {
    summary: 'Copies store paths under names that follow from their contents.',
    flags: [
      ...wanted.flags,
      ...stores.flags,
      { long: 'json', labels: [], summary: 'Print the new names as JSON.', apply: () => (json = true) },
      ...jsonFlags(chosen => (pretty = chosen)),
    ],
    positionals: wanted.positionals,
    run: async () => {
      await using from = await stores.openSource();
      await using to = await stores.openTarget();
      const paths = await findPaths(from, wanted);
      const { log: reporter, signal } = context;
      const names = await makeContentAddressed(from, to, paths, { reporter, signal });
      const rewritten = paths.map(path => {
        const renamed = names.get(path) ?? path;
        return [printStorePath(from.storeDir, path), printStorePath(from.storeDir, renamed)] as const;
      });
      if (json) {
        const rewrites: JsonObject = new Map(rewritten);
        const text = formatJson(jsonObject({ rewrites }), pretty ? 2 : undefined);
        context.out.byteLine(brandAs<ByteString>(text));
        return;
      }
      for (const [before, after] of rewritten) {
        context.log.log('notice', `rewrote '${displayBytes(before)}' to '${displayBytes(after)}'`);
      }
    },
  };
}

/** What is named, made valid, each after what it refers to. */
async function findPaths(store: Store, wanted: StorePathArguments): Promise<StorePath[]> {
  const named = (await wanted.realise(store)).flatMap(pathsOf);
  const known = wanted.recursive ? sortInfos(store, await computeClosure(store, named)) : await sortPaths(store, named);
  return known.map(({ path }) => path);
}
