import { byteStringFromText, displayBytes } from '../../base/index.ts';
import type { LockNode } from '../../engine/index.ts';
import { evalError, formatFlakeRef, relativePathOf, textAttribute } from '../../eval/index.ts';
import {
  type JsonValue,
  type StorePath,
  formatJson,
  jsonObject,
  makeFixedOutputPath,
  parseHash,
  printStorePath,
  splitStorePath,
} from '../../nix-compat/index.ts';
import { copyPaths } from '../../store/index.ts';
import { switchFlag } from '../args/flag.ts';
import type { Command, CommandContext } from '../command.ts';
import { FlakeCommandArguments } from '../flakes/flake-command.ts';
import { openStoreAt } from '../open-store.ts';
import { jsonFlags } from './json-flags.ts';

/** `nix flake archive` */
export function flakeArchive(context: CommandContext): Command {
  const wanted = new FlakeCommandArguments(context);
  let json = false;
  let pretty = context.out.isTerminal;
  let isDryRun = false;
  let checksSignatures = true;
  let to: string | undefined;
  return {
    summary: 'Copies a flake and all its inputs to a store.',
    flags: [
      ...wanted.flags,
      { long: 'to', labels: ['store-uri'], summary: 'The store.', apply: uri => (to = displayBytes(uri)) },
      switchFlag('dry-run', 'Say what would be done, and do nothing.', () => (isDryRun = true)),
      switchFlag('no-check-sigs', 'Copy what nobody has signed, too.', () => (checksSignatures = false)),
      switchFlag('json', 'Print JSON.', () => (json = true)),
      ...jsonFlags(chosen => (pretty = chosen)),
    ],
    positionals: wanted.positionals,
    run: async () => {
      const { root, flake } = await wanted.lock();
      const { storeDir } = wanted.evaluation().evaluator.io;
      const { storePath } = splitStorePath(storeDir, flake.path);
      const paths = new Set([storePath]);
      const inputs = await archiveInputs(root, paths);
      if (json) {
        const result = jsonObject({ path: printStorePath(storeDir, storePath), inputs });
        context.out.byteLine(formatJson(result, pretty ? 2 : undefined));
      }
      const evaluation = wanted.evaluation();
      await evaluation.commit();
      if (isDryRun || to === undefined) return;
      await using target = await openStoreAt(to, context);
      const { signal, log: reporter } = context;
      await copyPaths(await evaluation.store(), target, paths, { checkSignatures: checksSignatures, signal, reporter });
    },
  };

  async function archiveInputs({ inputs }: LockNode, paths: Set<StorePath>): Promise<JsonValue> {
    const evaluation = wanted.evaluation();
    const { storeDir } = evaluation.evaluator.io;
    const found = new Map<ReturnType<typeof byteStringFromText>, JsonValue>();
    for (const [name, edge] of inputs) {
      if (edge.kind !== 'node') continue;
      const { locked } = edge.node;
      let path: StorePath | undefined;
      // What is in another tree is there with that.
      if (relativePathOf(locked.input) === undefined) {
        const hash = textAttribute(locked.input.attributes, 'narHash');
        if (isDryRun && hash === undefined) {
          throw evalError`cannot compute store path for unlocked input '${formatFlakeRef(locked)}'`;
        }
        path =
          isDryRun && hash !== undefined
            ? makeFixedOutputPath(storeDir, 'source', { method: 'nar', hash: parseHash(hash, 'sha256') })
            : (await evaluation.flakes.fetch(locked, 'none')).path;
        paths.add(path);
      }
      const below = await archiveInputs(edge.node, paths);
      const place = path === undefined ? undefined : printStorePath(storeDir, path);
      found.set(byteStringFromText(name), jsonObject({ path: place, inputs: below }));
    }
    return found;
  }
}
