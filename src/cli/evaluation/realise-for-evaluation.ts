import { type ByteString, displayBytes } from '../../base/index.ts';
import { type RealisedPath, type Realisation, downloadFile, fetchTree } from '../../engine/index.ts';
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
import { type Store, copyPaths, derivationOutputs } from '../../store/index.ts';
import type { CommandContext } from '../command.ts';
import { CliError } from '../error.ts';
import { openRealising } from '../installables/realising.ts';
import { fetchContext } from './fetch-context.ts';

export interface RealiseForEvaluationOptions {
  readonly evalStore: Store;
  readonly writes: boolean;
  /** A folder that is there as long as the evaluation goes on. */
  readonly downloads: () => string;
}

/** How an evaluation has made valid what it needs; where nothing is written, what is not there cannot be had. */
export function realiseForEvaluation(
  store: Store,
  context: CommandContext,
  { evalStore, writes, downloads }: RealiseForEvaluationOptions,
): Pick<Realisation, 'fetch' | 'fetchTree' | 'build'> {
  const { signal } = context;
  return {
    fetch: async path => {
      if (!writes) throw noWriteAccess(printStorePath(store.storeDir, path));
      await realise([opaquePath(path)]);
    },
    fetchTree: need => {
      if (need.kind === 'tree') return fetchTree(need.input, need.url, fetchContext(context));
      if (need.unpacks)
        throw new CliError(
          'fetch/absent',
          `cannot fetch '${need.url}': Firn does not unpack tarballs while it evaluates yet`,
        );
      const { settings, log: reporter } = context;
      return downloadFile(need.url, downloads(), { settings, reporter, signal });
    },
    build: async outputs => {
      if (!writes) return Promise.all(outputs.map(requireOutput));
      const realised = await realise(outputs.map(derivingPathOf));
      const paths = outputs.map(({ output }, index) => outputOf(realised[index], output));
      // Evaluations look at what they have built where they look at everything.
      if (evalStore !== store) await copyPaths(store, evalStore, paths.filter(isKnown), { closure: true, signal });
      return paths;
    },
  };

  async function realise(wanted: readonly DerivingPath[]): Promise<readonly RealisedPath[]> {
    await using realising = await openRealising(store, context, { evalStore });
    return await realising.realise(wanted);
  }

  async function requireOutput(wanted: BuiltPath): Promise<StorePath> {
    const { derivation, output } = wanted;
    const outputs =
      derivation.kind === 'opaque' ? await derivationOutputs(store, derivation.path, { evalStore, signal }) : undefined;
    const path = outputs?.get(output);
    if (path !== undefined && (await store.validPaths([path], { signal })).has(path)) return path;
    const { storeDir } = store;
    const shown = path === undefined ? formatSingleDerivingPath(storeDir, wanted) : printStorePath(storeDir, path);
    throw noWriteAccess(shown);
  }
}

function isKnown(path: StorePath | undefined): path is StorePath {
  return path !== undefined;
}

function noWriteAccess(path: ByteString): CliError {
  const message = `cannot substitute path '${displayBytes(path)}' - no write access to the Nix store`;
  return new CliError('realise/read-only', message);
}

function outputOf(realised: RealisedPath | undefined, output: BuiltPath['output']): StorePath | undefined {
  const outcome = realised?.result.outcome;
  return outcome !== undefined && isBuildSuccess(outcome) ? outcome.builtOutputs.get(output)?.path : undefined;
}
