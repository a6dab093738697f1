import { displayBytes } from '../../base/index.ts';
import {
  type DerivingPath,
  type OutputsSpec,
  type SingleDerivingPath,
  type StorePath,
  formatSingleDerivingPath,
  isDerivationPath,
  opaquePath,
  printStorePath,
  unrollDerivingPath,
} from '../../nix-compat/index.ts';
import { type Store, derivationOutputs, requireFacet } from '../../store/index.ts';
import type { CommandContext } from '../command.ts';
import { CliError } from '../error.ts';
import type { Installable } from './installable.ts';
import { printMissing } from './print-missing.ts';
import { openRealising } from './realising.ts';

/** What of installables a command works on: what they are, or the derivations that make that. */
export type OperateOn = 'output' | 'derivation';

/**
 * The store paths that `installables` mean, in order; what would have to be built or fetched for those that are not valid
 * is told. Throws `installable/no-deriver`, `installable/no-such-output`, `installable/not-built`, or as
 * `derivationOutputs`.
 */
export async function resolveInstallables(
  store: Store,
  installables: readonly Installable[],
  { operateOn, context }: { readonly operateOn: OperateOn; readonly context: CommandContext },
): Promise<StorePath[]> {
  if (operateOn === 'derivation') return Promise.all(installables.map(each => derivationOf(store, each)));
  const wanted: DerivingPath[] = [];
  for (const { path, evalStore } of installables) {
    if (path.kind === 'opaque') wanted.push(path);
    else wanted.push({ ...path, derivation: opaquePath(await followOutputs({ store, evalStore }, path.derivation)) });
  }
  const resolved = await Promise.all(
    installables.map(async ({ path, evalStore }) => {
      return path.kind === 'opaque' ? [path.path] : outputsOf({ store, evalStore }, path.derivation, path.outputs);
    }),
  );
  const paths = resolved.flat();
  if ((await store.validPaths(paths)).size < new Set(paths).size) {
    const evalStore = installables[0]?.evalStore ?? store;
    await tellMissing({ store, evalStore }, wanted, context);
  }
  return paths;
}

/** Where everything is that is built, and where derivations are. */
interface Stores {
  readonly store: Store;
  readonly evalStore: Store;
}

async function tellMissing(
  { store, evalStore }: Stores,
  wanted: readonly DerivingPath[],
  context: CommandContext,
): Promise<void> {
  await using realising = await openRealising(store, context, { evalStore });
  printMissing(store, await realising.plan(wanted), { log: context.log, level: 'error' });
}

async function derivationOf(store: Store, { path, what, evalStore }: Installable): Promise<StorePath> {
  if (path.kind === 'built') return followOutputs({ store, evalStore }, path.derivation);
  if (isDerivationPath(path.path)) return path.path;
  const [deriver] = await requireFacet(store, 'index', 'queryValidDerivers').validDerivers(path.path);
  if (deriver !== undefined) return deriver;
  throw new CliError('installable/no-deriver', `'${what}' does not have a known deriver`);
}

/**
 * Follows a chain of outputs: each but the last is itself a derivation. Throws `installable/no-such-output`,
 * `installable/not-built`, or as `derivationOutputs`.
 */
export async function followOutputs({ store, evalStore }: Stores, single: SingleDerivingPath): Promise<StorePath> {
  const { base, outputs: chain } = unrollDerivingPath(single);
  let path = base;
  for (const output of chain) {
    const printed = displayBytes(printStorePath(store.storeDir, path));
    const outputs = await derivationOutputs(store, path, { evalStore });
    if (!outputs.has(output)) {
      const message = `derivation '${printed}' does not have an output named '${displayBytes(output)}'`;
      throw new CliError('installable/no-such-output', message);
    }
    path = outputs.get(output) ?? fail(notBuilt(printed, displayBytes(output)));
  }
  return path;
}

async function outputsOf(stores: Stores, derivation: SingleDerivingPath, wanted: OutputsSpec): Promise<StorePath[]> {
  const { store, evalStore } = stores;
  const outputs = await derivationOutputs(store, await followOutputs(stores, derivation), { evalStore });
  const printed = displayBytes(formatSingleDerivingPath(store.storeDir, derivation));
  const names = wanted.kind === 'all' ? [...outputs.keys()] : wanted.names;
  for (const name of names) {
    if (outputs.has(name)) continue;
    const message = `the derivation '${printed}' doesn't have an output named '${displayBytes(name)}'`;
    throw new CliError('installable/no-such-output', message);
  }
  return names.map(name => outputs.get(name) ?? fail(notBuilt(printed, displayBytes(name))));
}

function notBuilt(derivation: string, output: string): CliError {
  const message = `cannot operate on output '${output}' of the unbuilt derivation '${derivation}'`;
  return new CliError('installable/not-built', message);
}

function fail(error: Error): never {
  throw error;
}
