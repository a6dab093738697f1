import {
  type BasicDerivation,
  type Machine,
  type MachineNeeds,
  canBuildOn,
  requiredSystemFeatures,
} from '../../nix-compat/index.ts';
import type { DerivationOptions } from '../../nix-compat/index.ts';
import { displayBytes } from '../../base/index.ts';
import { actionObstacle } from '../build/action-obstacle.ts';

/** What of a derivation decides on which machines can build it. */
export interface BuildNeeds extends MachineNeeds {
  /** As `actionObstacle` has it. */
  readonly actionObstacle: string | undefined;
}

export function buildNeeds(derivation: BasicDerivation, options: DerivationOptions<unknown>): BuildNeeds {
  return {
    system: displayBytes(derivation.platform),
    features: new Set([...requiredSystemFeatures(options, derivation)].map(displayBytes)),
    actionObstacle: actionObstacle(derivation, options),
  };
}

/** Whether a machine is a server of remote execution, which runs builders as actions. */
export function runsActions({ store }: Pick<Machine, 'store'>): boolean {
  return store.kind === 'specified' && ['reapi', 'reapis', 'reapi+unix'].includes(store.scheme);
}

/** Whether a machine can build what has such needs. */
export function canTake(machine: Machine, needs: BuildNeeds): boolean {
  return canBuildOn(machine, needs) && (needs.actionObstacle === undefined || !runsActions(machine));
}
