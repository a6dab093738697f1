import { displayBytes } from '../../base/index.ts';
import { type StorePath, allOutputs, isDerivationPath, opaquePath, printStorePath } from '../../nix-compat/index.ts';
import { computeClosure, derivationOutputs } from '../../store/index.ts';
import { BuildError } from '../error.ts';
import { type RealiseContext, awaitResults, isFailure } from './realise-context.ts';

/**
 * Mends what is damaged of all that an output of the derivation at `derivation` refers to: by building it again where
 * that derivation tells how, else from substituters. Throws `BuildError` if something stays damaged.
 */
export async function repairClosure(context: RealiseContext, derivation: StorePath, output: StorePath): Promise<void> {
  const { store, evalStore, paths, reporter, signal } = context;
  const print = (path: StorePath) => displayBytes(printStorePath(store.storeDir, path));
  const own = new Set((await derivationOutputs(evalStore, derivation, { signal })).values());
  const closure = await computeClosure(store, [output], { signal });
  let derivers: ReadonlyMap<StorePath, StorePath> | undefined;
  const repairs = [];
  for (const path of closure.keys()) {
    if (own.has(path) || store.repairer === undefined || (await store.repairer.isIntact(path, { signal }))) continue;
    const found = `found corrupted or missing path '${print(path)}' in the output closure of '${print(derivation)}'`;
    reporter.log('error', found);
    derivers ??= await findDerivers(context, derivation);
    const deriver = derivers.get(path);
    repairs.push(
      deriver === undefined
        ? paths.realise(path, { repair: true })
        : context.realiseInput({ kind: 'built', derivation: opaquePath(deriver), outputs: allOutputs }, 'repair'),
    );
  }
  if (!(await awaitResults(context, repairs)).some(isFailure)) return;
  const message = `some paths in the output closure of derivation '${print(derivation)}' could not be repaired`;
  throw new BuildError('MiscFailure', message);
}

/** By output: which of the derivations that `derivation` is made of makes it. */
async function findDerivers({ evalStore, signal }: RealiseContext, derivation: StorePath) {
  const derivers = new Map<StorePath, StorePath>();
  for (const path of (await computeClosure(evalStore, [derivation], { signal })).keys()) {
    if (!isDerivationPath(path)) continue;
    for (const output of (await derivationOutputs(evalStore, path, { signal })).values())
      if (output !== undefined) derivers.set(output, path);
  }
  return derivers;
}
