import {
  type BuildMode,
  type DerivingPath,
  type OutputName,
  type StorePath,
  isBuildSuccess,
  unrollDerivingPath,
} from '../../nix-compat/index.ts';
import type { RealisedPath } from '../../engine/index.ts';
import { type Store, derivationOutputs } from '../../store/index.ts';
import type { CommandContext } from '../command.ts';
import type { Installable } from './installable.ts';
import { openRealising } from './realising.ts';

/** A store path that is valid, or outputs of a derivation that are. */
export type Realised =
  | { readonly kind: 'path'; readonly path: StorePath }
  | {
      readonly kind: 'outputs';
      /** The derivation whose outputs these are: the last of `chain`, if that is not empty, else `base`. */
      readonly derivation: StorePath;
      readonly base: StorePath;
      /** Derivations that are outputs of others, each of the one before. */
      readonly chain: readonly { readonly output: OutputName; readonly path: StorePath }[];
      /** In byte order of their names. */
      readonly outputs: ReadonlyMap<OutputName, StorePath>;
      readonly result: RealisedPath['result'];
    };

/** Makes what `installables` mean valid, where it is not yet. Throws as `Realising.realise`. */
export async function realiseInstallables(
  store: Store,
  installables: readonly Installable[],
  { context, mode = 'normal' }: { readonly context: CommandContext; readonly mode?: BuildMode },
): Promise<Realised[]> {
  const wanted = installables.map(({ path }) => path);
  if (mode === 'normal' && (await areValidPaths(store, wanted))) {
    return wanted.flatMap(path => (path.kind === 'opaque' ? [{ kind: 'path', path: path.path }] : []));
  }
  const evalStore = installables[0]?.evalStore ?? store;
  await using realising = await openRealising(store, context, { evalStore });
  await realising.tell(wanted);
  const realised = await realising.realise(wanted, { mode });
  return Promise.all(realised.map(each => describe({ store, evalStore }, each)));
}

/** Neither substituters nor builders are even opened for what is there. */
async function areValidPaths(store: Store, wanted: readonly DerivingPath[]): Promise<boolean> {
  const paths = wanted.flatMap(path => (path.kind === 'opaque' ? [path.path] : []));
  return paths.length === wanted.length && (await store.validPaths(paths)).size === new Set(paths).size;
}

async function describe(
  { store, evalStore }: { readonly store: Store; readonly evalStore: Store },
  { path, result }: RealisedPath,
): Promise<Realised> {
  if (path.kind === 'opaque') return { kind: 'path', path: path.path };
  const { base, outputs: names } = unrollDerivingPath(path.derivation);
  let derivation = base;
  const chain: { readonly output: OutputName; readonly path: StorePath }[] = [];
  for (const output of names) {
    // What was itself built is in the store.
    const from = (await evalStore.validPaths([derivation])).has(derivation) ? evalStore : store;
    derivation = (await derivationOutputs(store, derivation, { evalStore: from })).get(output) ?? derivation;
    chain.push({ output, path: derivation });
  }
  const built = isBuildSuccess(result.outcome) ? [...result.outcome.builtOutputs] : [];
  const sorted = built.toSorted(([a], [b]) => (a < b ? -1 : 1));
  return {
    kind: 'outputs',
    derivation,
    base,
    chain,
    outputs: new Map(sorted.map(([name, { path: to }]) => [name, to])),
    result,
  };
}

/** The store paths, in the order of their outputs' names. */
export function pathsOf(realised: Realised): StorePath[] {
  return realised.kind === 'path' ? [realised.path] : [...realised.outputs.values()];
}
