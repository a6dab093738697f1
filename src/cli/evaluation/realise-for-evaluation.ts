import { displayBytes } from '../../base/index.ts';
import type { RealisedPath, Realisation } from '../../engine/index.ts';
import {
  type BuiltPath,
  type DerivingPath,
  type StorePath,
  derivingPathOf,
  formatSingleDerivingPath,
  isBuildSuccess,
  opaquePath,
  printStorePath,
} from '../../nix-compat/index.ts';
import { type Store, derivationOutputs } from '../../store/index.ts';
import type { CommandContext } from '../command.ts';
import { CliError } from '../error.ts';
import { openRealising } from '../installables/realising.ts';

/** How an evaluation has made valid what it needs; where nothing is written, what is not there cannot be had. */
export function realiseForEvaluation(
  store: Store,
  context: CommandContext,
  { writes }: { readonly writes: boolean },
): Pick<Realisation, 'fetch' | 'build'> {
  const { signal } = context;
  return {
    fetch: async path => void (await realise([opaquePath(path)])),
    build: async outputs => {
      if (!writes) return Promise.all(outputs.map(requireOutput));
      const realised = await realise(outputs.map(derivingPathOf));
      return outputs.map(({ output }, index) => outputOf(realised[index], output));
    },
  };

  async function realise(wanted: readonly DerivingPath[]): Promise<readonly RealisedPath[]> {
    await using realising = await openRealising(store, context);
    return realising.realise(wanted);
  }

  async function requireOutput(wanted: BuiltPath): Promise<StorePath> {
    const { derivation, output } = wanted;
    const outputs =
      derivation.kind === 'opaque' ? await derivationOutputs(store, derivation.path, { signal }) : undefined;
    const path = outputs?.get(output);
    if (path !== undefined && (await store.validPaths([path], { signal })).has(path)) return path;
    const { storeDir } = store;
    const shown = path === undefined ? formatSingleDerivingPath(storeDir, wanted) : printStorePath(storeDir, path);
    const message = `cannot substitute path '${displayBytes(shown)}' - no write access to the Nix store`;
    throw new CliError('realise/read-only', message);
  }
}

function outputOf(realised: RealisedPath | undefined, output: BuiltPath['output']): StorePath | undefined {
  const outcome = realised?.result.outcome;
  return outcome !== undefined && isBuildSuccess(outcome) ? outcome.builtOutputs.get(output)?.path : undefined;
}
