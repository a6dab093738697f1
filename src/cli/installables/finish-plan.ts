import type { RealisationPlan } from '../../engine/index.ts';
import { type DerivingPath, derivingPathOf } from '../../nix-compat/index.ts';
import type { Realising } from './realising.ts';

/**
 * What making `wanted` valid takes, once the derivations are there that other derivations make: these are built or
 * substituted, and nothing else. Throws as `Realising.realise`.
 */
export async function finishPlan(realising: Realising, wanted: readonly DerivingPath[]): Promise<RealisationPlan> {
  let plan = await realising.plan(wanted);
  while (plan.unplanned.length > 0) {
    await realising.realise(plan.unplanned.map(({ derivation }) => derivingPathOf(derivation)));
    plan = await realising.plan(wanted);
  }
  return plan;
}
