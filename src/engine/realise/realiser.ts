import { type Activity, type Reporter, byteStringFromText, displayBytes } from '../../base/index.ts';
import {
  type BuildFailureStatus,
  type BuildMode,
  type BuildResult,
  type BuiltPaths,
  type DerivationOutputId,
  type DerivationType,
  type DerivingPath,
  NixCompatError,
  type OutputsSpec,
  type RealisedOutput,
  type SingleDerivingPath,
  type StorePath,
  allOutputs,
  baseStorePath,
  derivationTypeOf,
  formatDerivingPath,
  formatSingleDerivingPath,
  isBuildSuccess,
  namedOutputs,
  opaquePath,
  storePathName,
} from '../../nix-compat/index.ts';
import { type Store, Substituters } from '../../store/index.ts';
import type { CallOptions } from '../../castore/index.ts';
import type { DerivationBuilder } from '../build/derivation-builder.ts';
import { BuildError } from '../error.ts';
import { failed, knownOutput, succeeded } from '../build/build-results.ts';
import { BuildSlots } from './build-slots.ts';
import { DerivationGoal } from './derivation-goal.ts';
import { GoalAdmission } from './goal-admission.ts';
import { PathGoals } from './path-goals.ts';
import type { NestedRealising } from '../nested/nested-store.ts';
import type { RunningBuild } from '../nested/running-build.ts';
import { type RealisationPlan, planRealisation } from './plan-realisation.ts';
import type { PlacedDerivation, RealiseContext, RealiseSettings } from './realise-context.ts';
import { RealisationNotes } from './realisation-notes.ts';
import { RealiseTally } from './realise-tally.ts';
import { StoreQuestions } from './store-questions.ts';

export interface RealiserOptions {
  /** Where everything becomes valid. */
  readonly store: Store;
  /** Where derivations and their sources are; `store` unless given. */
  readonly evalStore?: Store;
  /** Undefined: nothing is substituted. */
  readonly substituters: Substituters | undefined;
  /** Undefined: nothing is built. */
  readonly builder: DerivationBuilder | undefined;
  readonly settings: RealiseSettings;
  readonly reporter: Reporter;
}

export interface RealiseRequest {
  readonly mode?: BuildMode;
  readonly signal: AbortSignal;
  /** Whether the others are not wanted for the first one's sake: it comes first, and only its failure calls them off. */
  readonly areIndependent?: boolean;
  /** What was planned for the same deriving paths, if anything was. */
  readonly plan?: Pick<RealisationPlan, 'weights' | 'settled'> | undefined;
  /** The build whose builder asks, if one does. */
  readonly parent?: RunningBuild | undefined;
}

export interface RealisedPath {
  readonly path: DerivingPath;
  readonly result: BuildResult;
}

export interface Realised {
  readonly paths: readonly RealisedPath[];
  /** Of what was to be built, whether or not it was wanted for itself. */
  readonly failures: ReadonlySet<BuildFailureStatus>;
}

/** The reason for which goals end that nobody waits for any more. */
const calledOff = new Error('called off, since something else has failed');

/** Makes deriving paths valid: what they stand for is substituted or built, with all that it needs. */
export class Realiser {
  readonly #options: RealiserOptions;
  /** For all calls together. */
  readonly #slots: BuildSlots;

  constructor(options: RealiserOptions) {
    this.#options = options;
    this.#slots = new BuildSlots(Math.max(1, options.builder?.slots ?? 1));
  }

  /**
   * What became of each of `wanted`, in their order. Unless `keepGoing`, the first failure that matters calls off all
   * others, which are left out then. Resolves when nothing is going on any more. Throws what is wrong with the stores or with us, and
   * the signal's reason.
   */
  async realise(wanted: readonly DerivingPath[], request: RealiseRequest): Promise<Realised> {
    return this.#explore(request, graph => graph.run(wanted));
  }

  /**
   * Builds a derivation that need not be in the store, for whoever knows its path and that its sources are there: what
   * became of all its outputs. Throws as `realise`.
   */
  async realiseDerivation(derivation: PlacedDerivation, request: RealiseRequest): Promise<BuildResult> {
    return this.#explore(request, graph => graph.runDerivation(derivation));
  }

  async #explore<T>(request: RealiseRequest, run: (graph: GoalGraph) => Promise<T>): Promise<T> {
    const { reporter } = this.#options;
    // As in C++ Nix, builds and substitutions are no parts of the activities that count them.
    using _realising = reporter.startActivity({ type: 'realise' });
    using builds = reporter.startActivity({ type: 'builds' });
    const nested: NestedRealising = {
      realise: (wanted, { signal, parent }) => this.realise(wanted, { signal, parent }),
      plan: (wanted, options) => this.#plan(wanted, options),
    };
    using graph = new GoalGraph({ ...this.#options, slots: this.#slots, nested }, request, builds);
    return await run(graph);
  }

  async #plan(wanted: readonly DerivingPath[], options: CallOptions): Promise<RealisationPlan> {
    const { store, settings } = this.#options;
    const substituters =
      (settings.substitute ? this.#options.substituters : undefined) ??
      new Substituters([], { storeDir: store.storeDir, trust: { requireSignatures: true, trustedKeys: new Map() } });
    return planRealisation({ store, substituters }, wanted, options);
  }
}

interface GoalGraphOptions extends RealiserOptions {
  readonly slots: BuildSlots;
  readonly nested: NestedRealising;
}

class GoalGraph implements RealiseContext, Disposable {
  readonly store: Store;
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
  readonly nested: NestedRealising;
  readonly parent: RunningBuild | undefined;
  readonly #options: RealiserOptions;
  readonly #request: RealiseRequest;
  readonly #stop = new AbortController();
  /** Of derivations that are worked on: what has ended well is released, and found valid if somebody asks for more of it. */
  readonly #derivations = new Map<string, SharedGoal>();
  readonly #placed = new Map<string, Promise<PlacedDerivation | undefined>>();
  readonly #types = new Map<StorePath, DerivationType>();
  readonly #goals = new Map<string, Promise<BuildResult>>();
  readonly #reported = new Set<Promise<BuildResult>>();
  /** Whose failure called off the others. */
  #failed: Promise<BuildResult> | undefined;
  /** Of builds whose results are known: nothing is told of them before. */
  readonly #settling: Promise<void>[] = [];
  /** What goes on: nothing outlives `run`. */
  readonly #running = new Set<Promise<unknown>>();

  constructor(options: GoalGraphOptions, request: RealiseRequest, builds: Activity) {
    const { store, substituters, settings } = options;
    this.#options = options;
    this.#request = request;
    this.store = store;
    this.evalStore = options.evalStore ?? store;
    this.builder = options.builder;
    this.settings = settings;
    this.slots = options.slots;
    this.nested = options.nested;
    this.parent = request.parent;
    this.tally = new RealiseTally(builds);
    this.notes = new RealisationNotes(store);
    this.reporter = options.reporter;
    this.signal = AbortSignal.any([request.signal, this.#stop.signal]);
    this.admission = new GoalAdmission(this.slots, this.signal);
    this.questions = new StoreQuestions(this, this.notes, this.signal);
    this.paths = new PathGoals({
      store,
      substituters: settings.substitute ? substituters : undefined,
      concurrency: settings.maxSubstitutionJobs,
      reporter: options.reporter,
      signal: this.signal,
    });
  }

  [Symbol.dispose](): void {
    this.admission[Symbol.dispose]();
  }

  async run(wanted: readonly DerivingPath[]): Promise<Realised> {
    const { mode = 'normal', signal, areIndependent = false } = this.#request;
    const settled = mode === 'normal' ? await this.#stillSettled(wanted) : undefined;
    const ended: (RealisedPath | undefined)[] = wanted.map(() => undefined);
    let failure: { readonly error: unknown } | undefined;
    // Who comes first gets a slot first: as in C++ Nix in the order of names, unless they are not wanted together.
    const inOrder = wanted.map((path, at) => ({ path, at, name: storePathName(baseStorePath(path)) }));
    if (!areIndependent) inOrder.sort((a, b) => (a.name < b.name ? -1 : a.name > b.name ? 1 : 0));
    await Promise.all(
      inOrder.map(async ({ path, at }) => {
        try {
          const known = settled?.get(path);
          const goal = known === undefined ? this.#goal(path, mode) : Promise.resolve(known);
          const result = await goal;
          const matters = !this.settings.keepGoing && (at === 0 || !areIndependent);
          if (!isBuildSuccess(result.outcome) && matters) {
            // What fails since something else has is of no interest; a path that could not be had never does.
            if (this.#stop.signal.aborted && path.kind === 'built') return;
            this.#failed ??= goal;
            this.#stop.abort(calledOff);
          }
          ended[at] = { path, result };
        } catch (error) {
          if (error !== calledOff) failure ??= { error };
          this.#stop.abort(calledOff);
        }
      }),
    );
    const late = await this.#settle();
    failure ??= late;
    signal.throwIfAborted();
    if (failure !== undefined) throw failure.error;
    return { paths: ended.filter(each => each !== undefined), failures: this.tally.failures };
  }

  async runDerivation(derivation: PlacedDerivation): Promise<BuildResult> {
    const { mode = 'normal', signal } = this.#request;
    let result: BuildResult | undefined;
    let failure: { readonly error: unknown } | undefined;
    try {
      result = await this.realiseDerivation(derivation, mode, allOutputs);
    } catch (error) {
      failure = { error };
    }
    const late = await this.#settle();
    failure ??= late;
    signal.throwIfAborted();
    if (failure !== undefined || result === undefined) throw failure?.error;
    return result;
  }

  /** Waits until nothing is going on any more: the first of what failed after its result was known. */
  async #settle(): Promise<{ readonly error: unknown } | undefined> {
    while (this.#running.size > 0) await Promise.allSettled(this.#running);
    const ends = await Promise.allSettled(this.#settling);
    const broken = ends.find(end => end.status === 'rejected');
    if (broken !== undefined) return { error: broken.reason };
    try {
      await this.notes.flush();
      return undefined;
    } catch (error) {
      return { error };
    }
  }

  /** What was valid when it was planned, and is now that it is kept. */
  async #stillSettled(wanted: readonly DerivingPath[]): Promise<ReadonlyMap<DerivingPath, BuildResult>> {
    const { store, signal } = this;
    const results = new Map<DerivingPath, BuildResult>();
    const settled = wanted.flatMap(path => {
      const outputs = this.#request.plan?.settled.get(path);
      return outputs === undefined ? [] : [{ path, outputs }];
    });
    const pathsOf = ({ path, outputs }: (typeof settled)[number]) =>
      path.kind === 'opaque' ? [path.path] : [...outputs.values()];
    const all = new Set(settled.flatMap(pathsOf));
    if (all.size === 0) return results;
    await store.collector?.addTemporaryRoots(all);
    const valid = await store.validPaths(all, { signal });
    for (const each of settled) {
      if (!pathsOf(each).every(path => valid.has(path))) continue;
      const outputs = Array.from(each.outputs, ([name, path]) => [name, knownOutput(path)] as const);
      results.set(each.path, succeeded('AlreadyValid', new Map(outputs)));
    }
    return results;
  }

  readonly settles = (settled: Promise<void>): void => {
    this.#settling.push(settled);
    // It is waited for at the end; who goes by it meanwhile fails, too.
    settled.catch(() => this.#stop.abort(calledOff));
  };

  async realiseInput(input: DerivingPath, mode: BuildMode): Promise<BuildResult> {
    const goal = this.#goal(input, mode);
    const result = await goal;
    const { outcome } = result;
    // Of what fails once all is called off nobody wants to hear.
    const isLate = this.#failed !== undefined && this.#failed !== goal;
    if (!isBuildSuccess(outcome) && outcome.status !== 'NoSubstituters' && !isLate && !this.#reported.has(goal)) {
      this.#reported.add(goal);
      this.reporter.logError(new BuildError(outcome.status, displayBytes(outcome.message)));
    }
    return result;
  }

  realiseDerivation(derivation: PlacedDerivation, mode: BuildMode, outputs: OutputsSpec): Promise<BuildResult> {
    return this.#work(derivation, mode, outputs);
  }

  async typeOf(path: StorePath): Promise<DerivationType | undefined> {
    const known = this.#types.get(path);
    if (known !== undefined) return known;
    const placed = await this.#place(opaquePath(path));
    return placed === undefined ? undefined : derivationTypeOf(placed.derivation);
  }

  findRealisation(id: DerivationOutputId): Promise<RealisedOutput | undefined> {
    return this.#options.substituters?.findRealisation(id, { signal: this.signal }) ?? Promise.resolve(undefined);
  }

  weightOf(path: StorePath): number {
    return this.#request.plan?.weights.get(path) ?? 0;
  }

  #goal(wanted: DerivingPath, mode: BuildMode): Promise<BuildResult> {
    const key = `${formatDerivingPath(this.store.storeDir, wanted)} ${mode}`;
    const known = this.#goals.get(key);
    if (known !== undefined) return known;
    const goal =
      wanted.kind === 'opaque'
        ? this.paths.realise(wanted.path, { repair: mode === 'repair' })
        : this.#realiseOutputs(wanted, mode);
    this.#goals.set(key, goal);
    this.#running.add(goal);
    void this.#watch(key, goal);
    return goal;
  }

  /** Whoever wants more of what has ended well finds it valid; what has failed fails once. */
  async #watch(key: string, goal: Promise<BuildResult>): Promise<void> {
    try {
      const { outcome } = await goal;
      if (isBuildSuccess(outcome)) this.#goals.delete(key);
    } catch {
      // Who waits for it is told.
    } finally {
      this.#running.delete(goal);
    }
  }

  async #realiseOutputs(wanted: BuiltPaths, mode: BuildMode): Promise<BuildResult> {
    if (wanted.derivation.kind === 'opaque') return this.#realiseKnownOutputs(wanted, mode);
    // Whoever asked knows of a derivation that a build has made nothing but how that came about.
    const printed = displayBytes(formatDerivingPath(this.store.storeDir, wanted));
    try {
      const result = await this.#realiseKnownOutputs(wanted, mode);
      const { outcome } = result;
      if (isBuildSuccess(outcome) || outcome.status === 'NoSubstituters') return result;
      const message = displayBytes(outcome.message);
      const chain = displayBytes(formatSingleDerivingPath(this.store.storeDir, wanted.derivation));
      if (message.includes(`'${chain}`)) return result;
      const text = byteStringFromText(`${message}\nnote: this is needed as '${printed}'`);
      return { ...result, outcome: { ...outcome, message: text } };
    } catch (error) {
      if (!(error instanceof NixCompatError)) throw error;
      return failed('MiscFailure', `cannot build '${printed}': ${error.message}`);
    }
  }

  async #realiseKnownOutputs({ derivation: of, outputs }: BuiltPaths, mode: BuildMode): Promise<BuildResult> {
    const placed = await this.#place(of);
    if (placed === undefined) {
      const printed = displayBytes(formatSingleDerivingPath(this.store.storeDir, of));
      return failed('DependencyFailed', `failed to obtain derivation of '${printed}'`);
    }
    const result = await this.#work(placed, mode, outputs);
    if (isBuildSuccess(result.outcome)) this.#placed.delete(formatSingleDerivingPath(this.store.storeDir, of));
    return result;
  }

  /** Finds and reads a derivation, once; undefined if it cannot be had. */
  #place(of: SingleDerivingPath): Promise<PlacedDerivation | undefined> {
    const key = formatSingleDerivingPath(this.store.storeDir, of);
    const known = this.#placed.get(key);
    if (known !== undefined) return known;
    const placed = this.#findAndRead(of);
    this.#placed.set(key, placed);
    return placed;
  }

  async #findAndRead(of: SingleDerivingPath): Promise<PlacedDerivation | undefined> {
    const path = await this.#resolve(of);
    if (path === undefined) return undefined;
    let derivation = await this.questions.derivation(path);
    if (derivation === undefined) {
      const { outcome } = await this.realiseInput(opaquePath(path), 'normal');
      derivation = isBuildSuccess(outcome) ? await this.questions.derivation(path) : undefined;
    }
    if (derivation === undefined) return undefined;
    this.#types.set(path, derivationTypeOf(derivation));
    return { path, derivation };
  }

  async #work(placed: PlacedDerivation, mode: BuildMode, outputs: OutputsSpec): Promise<BuildResult> {
    const key = `${placed.path} ${mode}`;
    const shared = this.#derivations.get(key) ?? {
      goal: new DerivationGoal(this, placed, mode),
      users: 0,
      isKept: false,
    };
    this.#derivations.set(key, shared);
    shared.users++;
    // What fails fails once; what is made anew each time is made once; what is built to be compared is not taken for valid.
    shared.isKept ||= mode !== 'normal' || shared.goal.type === 'impure';
    const result = await shared.goal.realise(outputs);
    shared.users--;
    shared.isKept ||= !isBuildSuccess(result.outcome);
    if (shared.users === 0 && !shared.isKept) this.#derivations.delete(key);
    return result;
  }

  /** The store path of a derivation, once what makes it is realised; undefined if that fails. */
  async #resolve(path: SingleDerivingPath): Promise<StorePath | undefined> {
    if (path.kind === 'opaque') return path.path;
    const { derivation, output } = path;
    const { outcome } = await this.realiseInput(
      { kind: 'built', derivation, outputs: namedOutputs([output]) },
      'normal',
    );
    return isBuildSuccess(outcome) ? outcome.builtOutputs.get(output)?.path : undefined;
  }
}

/** A derivation that several may want outputs of. */
interface SharedGoal {
  readonly goal: DerivationGoal;
  /** Who waits for it now. */
  users: number;
  /** Whether nobody may begin it anew. */
  isKept: boolean;
}
