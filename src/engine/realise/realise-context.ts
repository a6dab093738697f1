import type { Reporter } from '../../base/index.ts';
import {
  type BuildMode,
  type BuildResult,
  type Derivation,
  type DerivationOutputId,
  type DerivationType,
  type DerivingPath,
  type OutputsSpec,
  type RealisedOutput,
  type StorePath,
  isBuildSuccess,
} from '../../nix-compat/index.ts';
import type { Store } from '../../store/index.ts';
import type { DerivationBuilder } from '../build/derivation-builder.ts';
import type { NestedRealising } from '../nested/nested-store.ts';
import type { RunningBuild } from '../nested/running-build.ts';
import type { BuildSlots } from './build-slots.ts';
import type { GoalAdmission } from './goal-admission.ts';
import type { PathGoals } from './path-goals.ts';
import type { RealisationNotes } from './realisation-notes.ts';
import type { RealiseTally } from './realise-tally.ts';
import type { StoreQuestions } from './store-questions.ts';

export interface RealiseSettings {
  /** Whether the others go on when something has failed. */
  readonly keepGoing: boolean;
  /** Whether what substituters failed to give is built. */
  readonly fallback: boolean;
  /** Whether outputs are substituted at all. */
  readonly substitute: boolean;
  /** Whether they are also where a derivation asks not to. */
  readonly alwaysAllowSubstitutes: boolean;
  /** Whether realisations are recorded of outputs that are substituted by the path that follows from the derivation, too. */
  readonly recordsRealisations: boolean;
  readonly maxSubstitutionJobs: number;
}

/** A derivation, and where it is in the store. */
export interface PlacedDerivation {
  readonly path: StorePath;
  readonly derivation: Derivation;
  /** Whether it is put there only when it is to be built: it was made of another, and nobody else has it. */
  readonly isUnwritten?: boolean;
}

/** What the goals of one call of `Realiser.realise` share. */
export interface RealiseContext {
  readonly store: Store;
  /** Where derivations and their sources are. */
  readonly evalStore: Store;
  readonly builder: DerivationBuilder | undefined;
  readonly settings: RealiseSettings;
  readonly slots: BuildSlots;
  readonly admission: GoalAdmission;
  readonly paths: PathGoals;
  readonly tally: RealiseTally;
  readonly notes: RealisationNotes;
  readonly questions: StoreQuestions;
  readonly reporter: Reporter;
  readonly signal: AbortSignal;
  /** `BuildOptions.settles` of all builds. */
  readonly settles: (settled: Promise<void>) => void;
  /** `BuildOptions.nested` and `BuildOptions.parent` of all builds. */
  readonly nested: NestedRealising;
  readonly parent: RunningBuild | undefined;
  /** How much is waiting for the derivation at `path`: builds on the longest way to what was asked for. */
  weightOf(path: StorePath): number;
  /** Makes what something else needs, once however many need it. A failure is reported, for whoever needs it has its own. */
  realiseInput(input: DerivingPath, mode: BuildMode): Promise<BuildResult>;
  /** Outputs of a derivation that came about only now. */
  realiseDerivation(derivation: PlacedDerivation, mode: BuildMode, outputs: OutputsSpec): Promise<BuildResult>;
  /** What kind a derivation is, once it is there; undefined if it cannot be had. */
  typeOf(path: StorePath): Promise<DerivationType | undefined>;
  /** What substituters say that an output is. */
  findRealisation(id: DerivationOutputId): Promise<RealisedOutput | undefined>;
}

/**
 * The results of goals that something waits for: of all of them or, unless `keepGoing`, of those that had ended when the
 * first failed.
 */
export function awaitResults(
  { settings: { keepGoing } }: Pick<RealiseContext, 'settings'>,
  goals: readonly Promise<BuildResult>[],
): Promise<BuildResult[]> {
  const { promise, resolve, reject } = Promise.withResolvers<BuildResult[]>();
  const ended: (BuildResult | undefined)[] = goals.map(() => undefined);
  let left = goals.length;
  const end = () => resolve(ended.filter(result => result !== undefined));
  const watch = async (goal: Promise<BuildResult>, at: number): Promise<void> => {
    try {
      const result = await goal;
      ended[at] = result;
      left--;
      if (left === 0 || (isFailure(result) && !keepGoing)) end();
    } catch (error) {
      reject(error);
    }
  };
  for (const [at, goal] of goals.entries()) void watch(goal, at);
  if (goals.length === 0) end();
  return promise;
}

export function isFailure({ outcome }: BuildResult): boolean {
  return !isBuildSuccess(outcome);
}
