import { displayBytes } from '../../base/index.ts';
import { type OutputName, type StorePath, printStorePath, unrollDerivingPath } from '../../nix-compat/index.ts';
import { type Store, derivationOutputs } from '../../store/index.ts';
import type { CommandContext } from '../command.ts';
import { CliError } from '../error.ts';
import { openSubstituters } from '../open-substituters.ts';
import type { Installable } from './installable.ts';
import { type WantedOutputs, findMissing } from './missing-paths.ts';
import { printMissing } from './print-missing.ts';
import { realiseWanted } from './realise-wanted.ts';

/** A store path that is valid, or outputs of a derivation that are. */
export type Realised =
  | { readonly kind: 'path'; readonly path: StorePath }
  | { readonly kind: 'outputs'; readonly derivation: StorePath; readonly outputs: ReadonlyMap<OutputName, StorePath> };

/**
 * Makes what `installables` mean valid, where it is not yet. One of them that is a path for itself gets its contents anew
 * with `repair`. Throws as `realiseWanted`, and `installable/no-such-output`.
 */
export async function realiseInstallables(
  store: Store,
  installables: readonly Installable[],
  rest: { readonly context: CommandContext; readonly repair?: boolean },
): Promise<Realised[]> {
  const { context, repair = false } = rest;
  const wanted = wantedOf(store, installables);
  // Substituters are not even opened for what is there.
  const valid = await store.validPaths(wanted.paths);
  if (repair || wanted.derivations.length > 0 || wanted.paths.some(path => !valid.has(path))) {
    await using open = await openSubstituters(store, context);
    const missing = await findMissing(store, open.substituters, wanted);
    if (context.settings.get('print-missing')) await printMissing(store, missing, { log: context.log, level: 'info' });
    await realiseWanted(store, wanted, { open, missing, context, repair });
  }
  const realised: Realised[] = [];
  for (const { path } of installables) {
    if (path.kind === 'opaque') realised.push({ kind: 'path', path: path.path });
    else realised.push(await outputsOf(store, wantedOutputs(store, path)));
  }
  return realised;
}

/** What `installables` mean, as `findMissing` is asked for it. Throws `installable/not-built`. */
export function wantedOf(store: Store, installables: readonly Installable[]) {
  const paths: StorePath[] = [];
  const derivations: WantedOutputs[] = [];
  for (const { path } of installables) {
    if (path.kind === 'opaque') paths.push(path.path);
    else derivations.push(wantedOutputs(store, path));
  }
  return { paths, derivations };
}

/** The store paths, in the order of their outputs' names. */
export function pathsOf(realised: Realised): StorePath[] {
  return realised.kind === 'path' ? [realised.path] : [...realised.outputs.values()];
}

type BuiltPath = Extract<Installable['path'], { readonly kind: 'built' }>;

function wantedOutputs(store: Store, { derivation, outputs }: BuiltPath): WantedOutputs {
  const { base, outputs: chain } = unrollDerivingPath(derivation);
  if (chain.length === 0) return { derivation: base, outputs };
  const printed = displayBytes(printStorePath(store.storeDir, base));
  const message = `'${printed}' has to be built to know the derivation that is meant, and this version of Firn cannot build`;
  throw new CliError('installable/not-built', message);
}

async function outputsOf(store: Store, { derivation, outputs: wanted }: WantedOutputs): Promise<Realised> {
  const known = await derivationOutputs(store, derivation);
  const names = wanted.kind === 'all' ? [...known.keys()].toSorted() : wanted.names;
  const outputs = new Map<OutputName, StorePath>();
  for (const name of names) {
    const path = known.get(name);
    if (path === undefined) {
      const printed = displayBytes(printStorePath(store.storeDir, derivation));
      const message = `the derivation '${printed}' doesn't have an output named '${displayBytes(name)}'`;
      throw new CliError('installable/no-such-output', message);
    }
    outputs.set(name, path);
  }
  return { kind: 'outputs', derivation, outputs };
}
