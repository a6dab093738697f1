import type { Machine } from '../../nix-compat/index.ts';

/** A machine that could begin another build. */
export interface Candidate {
  readonly machine: Pick<Machine, 'speedFactor'>;
  /** How many builds it has. */
  readonly load: number;
}

/** The one that is to get the next build, as C++ Nix chooses: least loaded for its speed, then fastest, then least loaded. */
export function chooseMachine<T extends Candidate>(candidates: readonly T[]): T | undefined {
  let best: T | undefined;
  for (const each of candidates) if (best === undefined || isBetter(each, best)) best = each;
  return best;
}

function isBetter(a: Candidate, b: Candidate): boolean {
  const [forA, forB] = [a, b].map(({ load, machine }) => load / machine.speedFactor);
  if (forA === undefined || forB === undefined) return false;
  if (forA !== forB) return forA < forB;
  if (a.machine.speedFactor !== b.machine.speedFactor) return a.machine.speedFactor > b.machine.speedFactor;
  return a.load < b.load;
}
