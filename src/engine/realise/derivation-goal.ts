import { displayBytes } from '../../base/index.ts';
import {
  type BasicDerivation,
  type BuildMode,
  type BuildResult,
  type BuiltOutput,
  type Derivation,
  type DerivationOutputId,
  type DerivationType,
  type OutputName,
  type OutputsSpec,
  type StorePath,
  derivationTypeOf,
  hasKnownOutputPaths,
  isBuildSuccess,
  makeDerivationFile,
  namedOutputs,
  needsResolving,
  opaquePath,
  parseDerivationOptions,
  printStorePath,
  resolveDerivation,
} from '../../nix-compat/index.ts';
import { addDerivation, copyPaths, outputIds, staticOutputs } from '../../store/index.ts';
import { BuildError } from '../error.ts';
import { failed, knownOutput, succeeded } from '../build/build-results.ts';
import { cannotBuild } from '../build/cannot-build.ts';
import type { SlotSource } from '../build/derivation-builder.ts';
import { notLocalRejection } from '../build/reject-build.ts';
import { InputGoals } from './input-goals.ts';
import { type PlacedDerivation, type RealiseContext, awaitResults, isFailure } from './realise-context.ts';
import { repairClosure } from './repair-closure.ts';
import { uniteResults } from './unite-results.ts';

/** A derivation whose outputs somebody wants: substituted where that can be, else built, all of them, once. */
export class DerivationGoal {
  readonly #context: RealiseContext;
  readonly #path: StorePath;
  readonly #derivation: Derivation;
  readonly #isUnwritten: boolean;
  readonly #mode: BuildMode;
  readonly type: DerivationType;
  readonly #outputs = new Map<OutputName, Promise<BuildResult>>();
  #ids: Promise<ReadonlyMap<OutputName, DerivationOutputId>> | undefined;
  #inputs: Promise<BuildInputs> | undefined;
  #built: Promise<BuildResult> | undefined;

  /** `path` is where the derivation is or, if it was resolved, would be. Throws `derivation/mixed-outputs`. */
  constructor(context: RealiseContext, { path, derivation, isUnwritten = false }: PlacedDerivation, mode: BuildMode) {
    this.#context = context;
    this.#path = path;
    this.#derivation = derivation;
    this.#isUnwritten = isUnwritten;
    this.#mode = mode;
    this.type = derivationTypeOf(derivation);
  }

  /** All of the outputs that are wanted, or a failure. */
  async realise(wanted: OutputsSpec): Promise<BuildResult> {
    const names = wanted.kind === 'all' ? [...this.#derivation.outputs.keys()].toSorted() : wanted.names;
    const unknown = names.find(name => !this.#derivation.outputs.has(name));
    if (unknown !== undefined) {
      const message = `derivation '${this.#printed}' does not have output '${displayBytes(unknown)}'`;
      return failed('MiscFailure', message);
    }
    return uniteResults(
      await awaitResults(
        this.#context,
        names.map(name => this.#output(name)),
      ),
    );
  }

  get #printed(): string {
    return displayBytes(printStorePath(this.#context.store.storeDir, this.#path));
  }

  #output(name: OutputName): Promise<BuildResult> {
    const known = this.#outputs.get(name);
    if (known !== undefined) return known;
    const goal = this.#realiseOutput(name);
    this.#outputs.set(name, goal);
    return goal;
  }

  async #realiseOutput(name: OutputName): Promise<BuildResult> {
    const { signal } = this.#context;
    signal.throwIfAborted();
    if (this.type === 'impure') return this.#make(name);
    const known = await this.#find(name);
    if (known !== undefined && this.#mode === 'normal' && (await this.#context.questions.isValid(known.path))) {
      return succeeded('AlreadyValid', new Map([[name, known]]));
    }
    const attempt = await this.#substitute(name, known);
    if (attempt === 'failed' && !this.#context.settings.fallback) {
      const message = `some substitutes for the outputs of derivation '${this.#printed}' failed (usually happens due to networking issues); try '--fallback' to build derivation from source `;
      return failed('TransientFailure', message);
    }
    const output = attempt === 'none' ? known : await this.#find(name);
    const isValid = output !== undefined && (await this.#context.questions.isValid(output.path));
    if (this.#mode === 'check' && !isValid) return failed('MiscFailure', uncheckable(this.#printed));
    if (this.#mode === 'repair' && isValid && (await this.#isIntact(output.path))) {
      await repairClosure(this.#context, this.#path, output.path);
      return succeeded('AlreadyValid', new Map([[name, output]]));
    }
    if (isValid && attempt === 'done') {
      await this.#record(name, output.path);
      return succeeded('Substituted', new Map([[name, output]]));
    }
    return this.#make(name, output);
  }

  async #record(name: OutputName, path: StorePath): Promise<void> {
    const { settings, questions } = this.#context;
    if (!settings.recordsRealisations) return;
    const id = (await this.#idsOfOutputs()).get(name);
    if (id === undefined || (await questions.realisation(id)) !== undefined) return;
    await this.#context.notes.note({ id, path, signatures: [] });
  }

  /** Which store path an output is, as far as anybody knows. */
  async #find(name: OutputName): Promise<BuiltOutput | undefined> {
    const { store, questions } = this.#context;
    const path = staticOutputs(store, this.#derivation).get(name);
    if (path !== undefined) return knownOutput(path);
    const id = (await this.#idsOfOutputs()).get(name);
    const known = id === undefined ? undefined : await questions.realisation(id);
    return known === undefined ? undefined : { ...known, derivationHash: id?.derivationHash };
  }

  #idsOfOutputs(): Promise<ReadonlyMap<OutputName, DerivationOutputId>> {
    const { evalStore, signal } = this.#context;
    this.#ids ??= outputIds(evalStore, this.#path, { derivation: this.#derivation, signal });
    return this.#ids;
  }

  /** In a store that cannot tell, whatever is valid is taken for damaged. */
  async #isIntact(path: StorePath): Promise<boolean> {
    const { store, signal } = this.#context;
    return (await store.repairer?.isIntact(path, { signal })) ?? false;
  }

  async #substitute(name: OutputName, known: BuiltOutput | undefined): Promise<'done' | 'none' | 'failed'> {
    const { settings, paths, store, signal } = this.#context;
    if (!settings.substitute || this.#mode === 'check') return 'none';
    const { allowSubstitutes } = parseDerivationOptions(store.storeDir, this.#derivation);
    if (!allowSubstitutes && !settings.alwaysAllowSubstitutes) return 'none';
    let path = known?.path;
    if (path === undefined) {
      const id = (await this.#idsOfOutputs()).get(name);
      const found = id === undefined ? undefined : await this.#context.findRealisation(id);
      if (found === undefined || id === undefined) return 'none';
      path = found.path;
      const { outcome } = await paths.realise(path);
      if (isBuildSuccess(outcome)) await store.writer?.addRealisation({ id, ...found }, { signal });
      return endOf(outcome.status);
    }
    const kind = this.#derivation.outputs.get(name);
    const { outcome } = await paths.realise(path, {
      repair: this.#mode === 'repair',
      contentAddress: kind?.kind === 'fixed' ? kind.address : undefined,
    });
    return endOf(outcome.status);
  }

  /** By a builder; `fallback` is the output where that does not say what it is. */
  async #make(name: OutputName, fallback?: BuiltOutput): Promise<BuildResult> {
    this.#inputs ??= this.#noteFailure(this.#realiseInputs());
    const inputs = await this.#inputs;
    if (inputs.kind === 'failed') return inputs.result;
    // What is wanted of the resolved derivation may be had without building it, though other outputs may not.
    if (inputs.kind === 'resolved') return this.#realiseResolved(inputs.placed, name);
    this.#built ??= this.#buildResolved(inputs.derivation).then(result => {
      const { outcome } = result;
      if (!isBuildSuccess(outcome)) this.#context.tally.noteFailure(outcome.status);
      return result;
    });
    return this.#only(name, await this.#built, fallback);
  }

  async #noteFailure(inputs: Promise<BuildInputs>): Promise<BuildInputs> {
    const realised = await inputs;
    if (realised.kind === 'failed' && !isBuildSuccess(realised.result.outcome)) {
      this.#context.tally.noteFailure(realised.result.outcome.status);
    }
    return realised;
  }

  async #realiseInputs(): Promise<BuildInputs> {
    const { store, tally, admission } = this.#context;
    tally.expect();
    using _admitted = await admission.enter();
    const types = await this.#inputTypes();
    const inputs = new InputGoals(this.#context, this.#mode);
    for (const [path, input] of this.#derivation.inputDerivations) inputs.add(opaquePath(path), input);
    const results = await awaitResults(this.#context, inputs.goals);
    const failures = results.filter(isFailure).length;
    if (failures > 0) return { kind: 'failed', result: this.#dependencyFailed(failures) };
    // A resolved derivation refers to them.
    const sources = await this.#realiseSources(this.#derivation);
    if (sources > 0) return { kind: 'failed', result: this.#dependencyFailed(sources) };
    const lookup = await inputs.lookup();
    const resolved = resolveDerivation(store.storeDir, this.#derivation, lookup);
    if (resolved === undefined) throw new Error(`the inputs of '${this.#printed}' were realised and are not known`);
    // A fixed output has its path in any case, but its builder has to find inputs whose paths were not known.
    const resolveFixed = types.some(type => type !== undefined && !hasKnownOutputPaths(type));
    if (!needsResolving(this.#derivation, { resolveFixed })) return { kind: 'unchanged', derivation: resolved };
    const derivation: Derivation = { ...resolved, inputDerivations: new Map() };
    const { path } = makeDerivationFile(store.storeDir, derivation);
    return { kind: 'resolved', placed: { path, derivation, isUnwritten: true } };
  }

  /**
   * What kind the input derivations are. What is built anew each time would make what needs it change, unless that is known
   * by its content: that is found before anything is built. Throws `BuildError`.
   */
  async #inputTypes(): Promise<(DerivationType | undefined)[]> {
    const paths = [...this.#derivation.inputDerivations.keys()];
    const types = await Promise.all(paths.map(path => this.#context.typeOf(path)));
    const impure = this.type === 'impure' || this.type === 'fixed' ? undefined : paths[types.indexOf('impure')];
    if (impure === undefined) return types;
    const printed = displayBytes(printStorePath(this.#context.store.storeDir, impure));
    throw new BuildError('MiscFailure', `pure derivation '${this.#printed}' depends on impure derivation '${printed}'`);
  }

  #dependencyFailed(failures: number): BuildResult {
    const reason = `${failures} ${failures === 1 ? 'dependency' : 'dependencies'} failed`;
    const { storeDir } = this.#context.store;
    const unbuildable = { path: this.#path, derivation: this.#derivation };
    return failed('DependencyFailed', cannotBuild(storeDir, unbuildable, reason));
  }

  /** What the derivation becomes when the store paths of its inputs are put in may have been built before. */
  async #realiseResolved(resolved: PlacedDerivation, name: OutputName): Promise<BuildResult> {
    const { store, reporter } = this.#context;
    const fields = [this.#printed, displayBytes(printStorePath(store.storeDir, resolved.path))];
    const message = `resolved derivation: '${fields[0]}' -> '${fields[1]}'`;
    using _waiting = reporter.startActivity({ type: 'buildWaiting', level: 'info', text: message, fields });
    const wanted = namedOutputs([name]);
    const result = await this.#context.realiseDerivation(resolved, this.#mode, wanted);
    const { outcome } = result;
    if (!isBuildSuccess(outcome)) {
      this.#context.tally.noteFailure('DependencyFailed');
      return failed('DependencyFailed', `build of resolved derivation '${fields[1]}' failed`);
    }
    const built = outcome.builtOutputs.get(name);
    if (built === undefined) throw new Error(`realising '${fields[1]}' has not told what '${displayBytes(name)}' is`);
    const id = this.type === 'impure' ? undefined : (await this.#idsOfOutputs()).get(name);
    if (id !== undefined) await this.#context.notes.note({ id, path: built.path, signatures: [] });
    const output: BuiltOutput = { path: built.path, signatures: [], derivationHash: id?.derivationHash };
    const status = outcome.status === 'AlreadyValid' ? 'ResolvesToAlreadyValid' : outcome.status;
    return { ...result, outcome: { status, builtOutputs: new Map([[name, output]]) } };
  }

  /** Its sources, and the outputs of its inputs that are among them now, are valid. */
  async #buildResolved(derivation: BasicDerivation): Promise<BuildResult> {
    const { builder, reporter, settles, signal, slots, tally, nested, parent } = this.#context;
    if (builder === undefined) return failed('InputRejected', notLocalRejection);
    const job = { path: this.#path, derivation, mode: this.#mode };
    const rejection = builder.rejection(job);
    if (rejection !== undefined) return failed('InputRejected', rejection);
    if (this.#isUnwritten) await this.#write();
    const weight = this.#context.weightOf(this.#path);
    const source: SlotSource = {
      get hasFree() {
        return slots.hasFree;
      },
      acquire: stop => slots.acquire(weight, stop),
    };
    let isStarted = false;
    const started = () => {
      if (!isStarted) tally.start();
      isStarted = true;
    };
    let end: 'done' | 'failed' | 'called off' = 'called off';
    try {
      const options = { signal, slots: source, weight, started, reporter, settles, nested, parent };
      const result = await builder.build(job, options);
      end = isBuildSuccess(result.outcome) ? 'done' : 'failed';
      return result;
    } finally {
      if (isStarted) tally.end(end);
    }
  }

  async #write(): Promise<void> {
    const { store, questions, signal } = this.#context;
    if (await questions.isValid(this.#path)) return;
    await addDerivation(store, makeDerivationFile(store.storeDir, this.#derivation), { signal });
  }

  /** How many of the sources could not be had. Those that only the store of the evaluation has are copied. */
  async #realiseSources({ inputSources }: BasicDerivation): Promise<number> {
    const { store, evalStore, paths, signal, reporter } = this.#context;
    const missing = new Set(inputSources).difference(await store.validPaths(inputSources, { signal }));
    if (missing.size === 0) return 0;
    if (evalStore !== store) {
      const there = await evalStore.validPaths(missing, { signal });
      if (there.size > 0)
        await copyPaths(evalStore, store, there, { closure: true, checkSignatures: false, signal, reporter });
      for (const path of there) missing.delete(path);
    }
    const goals = Array.from(missing, path => paths.realise(path));
    return (await awaitResults(this.#context, goals)).filter(isFailure).length;
  }

  /** The result of building all outputs, as that of one. */
  #only(name: OutputName, result: BuildResult, fallback?: BuiltOutput): BuildResult {
    const { outcome } = result;
    if (!isBuildSuccess(outcome)) return result;
    const built = outcome.builtOutputs.get(name) ?? fallback;
    if (built === undefined)
      throw new Error(`building '${this.#printed}' has not told what '${displayBytes(name)}' is`);
    return { ...result, outcome: { ...outcome, builtOutputs: new Map([[name, built]]) } };
  }
}

/** What a derivation is built from, once its inputs are there. */
type BuildInputs =
  | { readonly kind: 'failed'; readonly result: BuildResult }
  | { readonly kind: 'resolved'; readonly placed: PlacedDerivation }
  | { readonly kind: 'unchanged'; readonly derivation: BasicDerivation };

/** How substituting ended, for whoever may do without: nobody had it, or it could not be taken over. */
function endOf(status: BuildResult['outcome']['status']): 'done' | 'none' | 'failed' {
  if (status === 'NoSubstituters') return 'none';
  return status === 'Substituted' || status === 'AlreadyValid' ? 'done' : 'failed';
}

function uncheckable(printed: string): string {
  return [
    `some outputs of '${printed}' are not valid, so checking is not possible`,
    'Hint: --rebuild and --check error if the derivation was not previously built and cannot be substituted.',
    '      Remove it to perform a fresh build, or use --repair to rewrite missing or corrupted builds in the store.',
  ].join('\n');
}
