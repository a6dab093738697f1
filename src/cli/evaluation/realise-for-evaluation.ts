import { displayBytes } from '../../base/index.ts';
import type { Realisation } from '../../engine/index.ts';
import {
  type BuiltPath,
  type StorePath,
  formatSingleDerivingPath,
  namedOutputs,
  printStorePath,
} from '../../nix-compat/index.ts';
import { type Store, derivationOutputs } from '../../store/index.ts';
import type { CommandContext } from '../command.ts';
import { CliError } from '../error.ts';
import { findMissing } from '../installables/missing-paths.ts';
import { wantedOf } from '../installables/realise-installables.ts';
import { realiseWanted } from '../installables/realise-wanted.ts';
import { openSubstituters } from '../open-substituters.ts';

/** How an evaluation has made valid what it needs; where nothing is written, what is not there cannot be had. */
export function realiseForEvaluation(
  store: Store,
  context: CommandContext,
  { writes }: { readonly writes: boolean },
): Pick<Realisation, 'fetch' | 'build'> {
  const { signal } = context;
  return {
    fetch: path => realise({ paths: [path], derivations: [] }),
    build: async outputs => {
      const wanted = wantedOf(
        store,
        outputs.map(({ derivation, output }) => ({
          path: { kind: 'built', derivation, outputs: namedOutputs([output]) },
          what: displayBytes(formatSingleDerivingPath(store.storeDir, derivation)),
        })),
      );
      await (writes ? realise(wanted) : requireOutputs(outputs));
      return Promise.all(outputs.map(outputOf));
    },
  };

  async function realise(wanted: ReturnType<typeof wantedOf>): Promise<void> {
    await using open = await openSubstituters(store, context);
    const missing = await findMissing(store, open.substituters, wanted);
    await realiseWanted(store, wanted, { open, missing, context });
  }

  async function requireOutputs(outputs: readonly BuiltPath[]): Promise<void> {
    for (const output of outputs) {
      const path = await outputOf(output);
      if (path !== undefined && (await store.validPaths([path], { signal })).has(path)) continue;
      const shown =
        path === undefined ? formatSingleDerivingPath(store.storeDir, output) : printStorePath(store.storeDir, path);
      const message = `cannot substitute path '${displayBytes(shown)}' - no write access to the Nix store`;
      throw new CliError('realise/read-only', message);
    }
  }

  /** Of derivations that are there; `wantedOf` refuses others. */
  async function outputOf({ derivation, output }: BuiltPath): Promise<StorePath | undefined> {
    if (derivation.kind === 'built') return undefined;
    const outputs = await derivationOutputs(store, derivation.path, { signal });
    if (!outputs.has(output)) {
      const printed = displayBytes(printStorePath(store.storeDir, derivation.path));
      const message = `derivation '${printed}' does not have wanted outputs '${displayBytes(output)}'`;
      throw new CliError('installable/no-such-output', message);
    }
    return outputs.get(output);
  }
}
