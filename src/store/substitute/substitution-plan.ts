import type { StorePath } from '../../nix-compat/index.ts';
import type { Substitute } from './substituters.ts';

/** Paths that are needed and not valid: where each can be had, undefined for nowhere. */
export type SubstitutionPlan = ReadonlyMap<StorePath, Substitute | undefined>;

/** Those of the plan's paths that cannot be had, and those that refer to them. */
export function findWanting(plan: SubstitutionPlan): Set<StorePath> {
  const referrers = new Map<StorePath, StorePath[]>();
  const queue: StorePath[] = [];
  for (const [path, found] of plan) {
    if (found === undefined) queue.push(path);
    for (const reference of found?.info.references ?? []) {
      const known = referrers.get(reference);
      if (known === undefined) referrers.set(reference, [path]);
      else known.push(path);
    }
  }
  const wanting = new Set<StorePath>();
  for (let path = queue.pop(); path !== undefined; path = queue.pop()) {
    if (wanting.has(path)) continue;
    wanting.add(path);
    queue.push(...(referrers.get(path) ?? []));
  }
  return wanting;
}

/** What has to be substituted for `targets`, with all that the plan's paths refer to. */
export function findNeeded(plan: SubstitutionPlan, targets: Iterable<StorePath>): Substitute[] {
  const needed = new Map<StorePath, Substitute>();
  const queue = [...targets];
  for (let path = queue.pop(); path !== undefined; path = queue.pop()) {
    const found = plan.get(path);
    if (found === undefined || needed.has(path)) continue;
    needed.set(path, found);
    queue.push(...found.info.references);
  }
  return [...needed.values()];
}
