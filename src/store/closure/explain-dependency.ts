import type { CallOptions } from '../../castore/index.ts';
import type { StorePath } from '../../nix-compat/index.ts';
import type { Store } from '../store.ts';
import { computeClosure } from './compute-closure.ts';

/** A path on the way to a dependency. */
export interface DependencyStep {
  /** Number of references from here to the dependency, on the shortest way; 0 for the dependency itself. */
  readonly distance: number;
  /** Those that lead to the dependency, the nearest first. */
  readonly references: readonly StorePath[];
}

/**
 * Why `path` depends on `dependency`: every path of its closure that leads there. Undefined where it does not depend on
 * it. References of a path to itself are left out, unless it is itself the dependency that was asked for. Throws
 * `path/invalid`.
 */
export async function explainDependency(
  store: Store,
  path: StorePath,
  { dependency, signal }: CallOptions & { readonly dependency: StorePath },
): Promise<ReadonlyMap<StorePath, DependencyStep> | undefined> {
  const closure = await computeClosure(store, [path], { signal });
  if (!closure.has(dependency)) return undefined;
  const referrers = new Map<StorePath, StorePath[]>();
  for (const [referrer, { references }] of closure) {
    for (const reference of references) {
      const known = referrers.get(reference);
      if (known === undefined) referrers.set(reference, [referrer]);
      else known.push(referrer);
    }
  }
  const distances = new Map([[dependency, 0]]);
  // What is added to a map while it is iterated over is reached, too: breadth first, so in ascending order of distances.
  for (const [at, distance] of distances) {
    for (const referrer of referrers.get(at) ?? []) if (!distances.has(referrer)) distances.set(referrer, distance + 1);
  }
  const steps = new Map<StorePath, DependencyStep>();
  for (const [at, distance] of distances) {
    const leading = (closure.get(at)?.references ?? []).filter(reference => {
      return distances.has(reference) && (reference !== at || path === dependency);
    });
    const distanceOf = (reference: StorePath) => distances.get(reference) ?? 0;
    steps.set(at, { distance, references: leading.toSorted((a, b) => distanceOf(a) - distanceOf(b)) });
  }
  return steps;
}
