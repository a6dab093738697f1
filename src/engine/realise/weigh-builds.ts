import type { StorePath } from '../../nix-compat/index.ts';

/**
 * Of derivations that will be built, with those that each of them needs: how many builds wait for each, on the longest way
 * to what is wanted. From what is wanted to what that needs, each after all that need it: derivations have no cycles.
 */
export function weighBuilds(inputsOf: ReadonlyMap<StorePath, ReadonlySet<StorePath>>): Map<StorePath, number> {
  const dependents = new Map<StorePath, number>();
  for (const all of inputsOf.values())
    for (const input of all) if (inputsOf.has(input)) dependents.set(input, (dependents.get(input) ?? 0) + 1);
  const weights = new Map<StorePath, number>();
  const ready = [...inputsOf.keys()].filter(path => !dependents.has(path));
  for (const path of ready) weights.set(path, 0);
  for (let path = ready.pop(); path !== undefined; path = ready.pop()) {
    const weight = (weights.get(path) ?? 0) + 1;
    for (const input of inputsOf.get(path) ?? []) {
      const left = dependents.get(input);
      if (left === undefined) continue;
      weights.set(input, Math.max(weights.get(input) ?? 0, weight));
      dependents.set(input, left - 1);
      if (left === 1) ready.push(input);
    }
  }
  return weights;
}
