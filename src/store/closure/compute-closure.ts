import type { CallOptions } from '../../castore/index.ts';
import { type PathInfo, type StorePath, isDerivationPath } from '../../nix-compat/index.ts';
import { derivationOutputs } from '../derivations/derivation-outputs.ts';
import { LocalStore } from '../local/local-store.ts';
import { invalidPath, requirePathInfo } from '../require-path-info.ts';
import { type Store, requireFacet } from '../store.ts';
import { exploreGraph } from './explore-graph.ts';

/** Questions that a store is asked at a time; stores that are far away have limits of their own. */
const questionsAtOnce = 64;

export interface ClosureOptions extends CallOptions {
  /** Whether derivations lead to their outputs, or outputs to the derivations that have them if referrers are followed. */
  readonly includeOutputs?: boolean;
  /** Whether paths lead to the derivations that made them, or derivations to their outputs if referrers are followed. */
  readonly includeDerivers?: boolean;
}

/** `roots` and all that they refer to, with what is known of each. Throws `path/invalid`, and as `derivationOutputs`. */
export async function computeClosure(
  store: Store,
  roots: Iterable<StorePath>,
  { includeOutputs = false, includeDerivers = false, signal }: ClosureOptions = {},
): Promise<Map<StorePath, PathInfo>> {
  if (store instanceof LocalStore && !includeOutputs && !includeDerivers)
    return closureFromTables(store, roots, signal);
  const closure = new Map<StorePath, PathInfo>();
  await exploreGraph(roots, { limit: questionsAtOnce, signal }, async (path, stop) => {
    const options = { signal: stop };
    const info = await requirePathInfo(store, path, options);
    closure.set(path, info);
    const outputs = includeOutputs && isDerivationPath(path) ? await validOutputs(store, path, options) : [];
    const { deriver } = info;
    const derivers =
      includeDerivers && deriver !== undefined ? await store.validPaths([deriver], options) : new Set<StorePath>();
    return [...info.references, ...outputs, ...derivers];
  });
  return closure;
}

/** Without a question for each path: 10,000 take 0.1 s. */
async function closureFromTables(
  store: LocalStore,
  roots: Iterable<StorePath>,
  signal: AbortSignal | undefined,
): Promise<Map<StorePath, PathInfo>> {
  const wanted = [...roots];
  await store.inherit(wanted, { signal });
  const closure = store.paths.closure(wanted);
  for (const root of wanted) if (!closure.has(root)) throw invalidPath(store.storeDir, root);
  return closure;
}

/** `roots` and all that refers to them, valid or not. Throws `store/unsupported`, and as `derivationOutputs`. */
export async function computeReferrers(
  store: Store,
  roots: Iterable<StorePath>,
  { includeOutputs = false, includeDerivers = false, signal }: ClosureOptions = {},
): Promise<Set<StorePath>> {
  const index = requireFacet(store, 'index', 'queryReferrers');
  const closure = new Set<StorePath>();
  await exploreGraph(roots, { limit: questionsAtOnce, signal }, async (path, stop) => {
    const options = { signal: stop };
    closure.add(path);
    const derivers = includeOutputs ? await index.validDerivers(path, options) : [];
    const outputs = includeDerivers && isDerivationPath(path) ? await validOutputs(store, path, options) : [];
    return [...(await index.referrers(path, options)), ...derivers, ...outputs];
  });
  return closure;
}

async function validOutputs(store: Store, derivation: StorePath, options: CallOptions): Promise<Set<StorePath>> {
  const outputs = await derivationOutputs(store, derivation, options);
  return store.validPaths(
    [...outputs.values()].filter(path => path !== undefined),
    options,
  );
}
