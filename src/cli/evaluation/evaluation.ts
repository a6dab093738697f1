import { mkdtempSync } from 'node:fs';
import { join } from 'node:path';
import { type Reporter, byteStringFromText, displayBytes, messageOf, unreachable } from '../../base/index.ts';
import {
  type EvaluationPart,
  type EvaluationRecording,
  FileSystemIO,
  type Flakes,
  type Registries,
  type WantedObject,
  addWantedObjects,
  answerNeeds,
  evaluateInPasses,
  findFlake,
} from '../../engine/index.ts';
import {
  type AutoArguments,
  type DebugPrompt,
  type DebuggerOptions,
  type EvalMessage,
  type EvalNeed,
  Evaluator,
  type FetchedTree,
  type InputAttributes,
  type NeedAnswer,
  ShownTrees,
} from '../../eval/index.ts';
import { removeTree } from '../../castore/index.ts';
import type { StoreDir, StorePath } from '../../nix-compat/index.ts';
import { LocalStore, type Store } from '../../store/index.ts';
import type { CommandContext } from '../command.ts';
import { openRegistries } from '../open-registries.ts';
import { storeDirAt } from '../open-store.ts';
import { absolutePath } from '../paths.ts';
import { formatWarning, locateWarning } from '../render/format-warning.ts';
import { applyFlakeConfig } from './apply-flake-config.ts';
import { type AnswerableQuestion, EvaluationMemory } from './evaluation-memory.ts';
import type { EvaluationArguments } from './evaluation-arguments.ts';
import { readArguments } from './read-arguments.ts';
import { EvaluationStores } from './evaluation-stores.ts';
import { type EvaluatorSettings, evaluatorSettings } from './evaluator-settings.ts';
import { EvaluationObserver } from './observe-evaluation.ts';
import type { EvaluationRealising } from '../installables/realising.ts';
import { openFlakes } from './open-flakes.ts';
import { realiseForEvaluation } from './realise-for-evaluation.ts';
import { requireNothing } from './require-nothing.ts';

export interface EvaluationOptions {
  /** Whether what the evaluation wants in the store is written there. */
  readonly writes?: boolean;
  /** The store that the command works on, where it is open already. */
  readonly store?: Store | undefined;
  /** What makes valid what the evaluation needs; opened when that is first needed unless given. */
  readonly realising?: EvaluationRealising | undefined;
  /** Gets what the evaluation says; shown unless given. */
  readonly say?: ((message: EvalMessage) => void) | undefined;
  /** Hears of what this evaluation reads, as a part of what somebody else remembers. */
  readonly recording?: EvaluationRecording | undefined;
}

/** Those of the settings that flakes are found, fetched and locked by. */
const flakeSettings = [
  'accept-flake-config',
  'allow-dirty',
  'allow-dirty-locks',
  'flake-registry',
  'use-registries',
  'warn-dirty',
] as const;

/**
 * An evaluation of a command line, and the stores that it meets when it has to.
 *
 *     await using evaluation = new Evaluation(context, from);
 *     const value = await evaluation.perform(() => evaluation.evaluator.evaluate(tree));
 *     await evaluation.commit();
 */
export class Evaluation implements AsyncDisposable {
  readonly context: CommandContext;
  readonly #from: EvaluationArguments;
  readonly #given: EvaluationOptions;
  readonly #writes: boolean;
  /** In the order that the evaluation came to want it. */
  readonly #wanted: WantedObject[] = [];
  readonly #opened = new AsyncDisposableStack();
  readonly #observer: EvaluationObserver;
  readonly #say: (message: EvalMessage) => void;
  /** What names of flakes stand for. */
  readonly registries: Registries;
  #flakes: Flakes | undefined;
  #io: FileSystemIO | undefined;
  readonly #storeDir: StoreDir;
  readonly #settings: EvaluatorSettings;
  #evaluator: Evaluator | undefined;
  #args: AutoArguments | undefined;
  #memory: EvaluationMemory | undefined;
  #downloadFolder: string | undefined;
  #warn = (message: string): void => this.context.log.warn(message);
  /** Where the objects of the store are that evaluation looks at, once that is opened. */
  #realStoreDir: string | undefined;
  readonly stores: EvaluationStores;
  #committed = Promise.resolve();

  constructor(context: CommandContext, from: EvaluationArguments, given: EvaluationOptions = {}) {
    const { writes = true, store, realising } = given;
    this.context = context;
    this.#from = from;
    this.#given = given;
    this.#writes = writes && !context.modes.readsOnly;
    this.#say = given.say ?? (message => showMessage(context, message));
    this.#observer = this.#opened.use(new EvaluationObserver(context));
    this.stores = this.#opened.use(new EvaluationStores(context, { evalUri: from.evalStore, store, realising }));
    this.registries = openRegistries(context, { inputs: () => this.#recording?.inputs });
    for (const [replaced, by] of from.flakeOverrides) {
      const options = { baseFolder: displayBytes(context.baseFolder), reporter: context.log };
      this.registries.override(findFlake(replaced, options).input, findFlake(by, { ...options, allowsMissing: true }));
    }
    this.#storeDir = storeDirAt(from.evalStore ?? context.settings.get('store'), context);
    this.#settings = evaluatorSettings(context, from, !this.#writes);
  }

  /** Started when it is first asked for: what is remembered needs none. */
  get evaluator(): Evaluator {
    return (this.#evaluator ??= this.#start(this.#from));
  }

  /** What `--arg` and its like pass to functions. */
  get args(): AutoArguments {
    return (this.#args ??= readArguments(this.evaluator, this.#from));
  }

  /**
   * The answer to a question about what is evaluated: as it was before, where nothing that it came of has changed; else what
   * `work` says, which is remembered. Either way messages are shown and the store has what was wanted. Throws what
   * evaluating throws.
   */
  async recall<T>(asked: AnswerableQuestion<T>): Promise<T> {
    if (this.#evaluator !== undefined || !this.remembers) return asked.work();
    const { args, evalStore, baseFolder, flakeOverrides } = this.#from;
    const { environment } = this.context;
    this.#memory = new EvaluationMemory(this.context, {
      given: [
        this.#settings,
        this.#storeDir,
        [this.context.settings.get('store'), evalStore, this.#writes],
        [absolutePath(byteStringFromText('.')), this.context.baseFolder, baseFolder, args, flakeOverrides],
        flakeSettings.map(name => this.context.settings.get(name)),
        [environment.confDir, environment.userConfDir, environment.userDataDir],
      ],
      storeDir: this.#storeDir,
      variable: name => this.#variable(name),
      say: message => this.#say(message),
      configure: config => applyFlakeConfig(this.context, config),
      answer: needs => this.#answerAgain(needs),
      evalStore: () => this.evalStore(),
    });
    return this.#memory.recall(asked);
  }

  /** Has `recall` not remember what happens: part of it would be missing. */
  forget(): void {
    this.#recording?.inputs.lose();
  }

  /** What a thread has recorded of a part of this evaluation; undefined where something of that is not known. */
  absorb(part: EvaluationPart | undefined): void {
    this.#recording?.absorb(part);
  }

  /** Hears of what the evaluation reads, if that is going to be remembered. */
  get #recording(): EvaluationRecording | undefined {
    return this.#given.recording ?? this.#memory?.recording;
  }

  /** Whether answers are remembered: not where they may depend on what is not recorded, or somebody looks at how they are found. */
  get remembers(): boolean {
    const { debugPrompt, args } = this.#from;
    if (!this.context.settings.get('eval-cache')) return false;
    if (debugPrompt !== undefined || this.#observer.options !== undefined) return false;
    return Array.from(args.values()).every(({ kind }) => kind === 'text' || kind === 'expression');
  }

  get #seesEnvironment(): boolean {
    return this.#settings.purity === undefined;
  }

  /** Where not everything may be looked at. */
  get #wantsClosures(): boolean {
    return this.#settings.purity !== undefined;
  }

  #variable(name: string): string | undefined {
    return this.#seesEnvironment ? process.env[name] : undefined;
  }

  /** Does what evaluates, which may need the store to go on: `work` is begun anew then, and must not mind. */
  perform<T>(work: () => T): Promise<T> {
    return evaluateInPasses(this.evaluator, work, needs => this.answer(needs));
  }

  /** Sees to what the evaluation needs; all that it wants in the store is there then. */
  async answer(needs: readonly EvalNeed[]): Promise<Iterable<readonly [EvalNeed, NeedAnswer]>> {
    await this.commit();
    const answers = await this.#answerFrom(needs);
    for (const [need, answer] of answers) this.#recording?.answered(need, answer);
    return answers;
  }

  /** The answers now to what an evaluation needed before. Warnings are not said again if the same is fetched after all. */
  async #answerAgain(needs: readonly EvalNeed[]): Promise<readonly (readonly [EvalNeed, NeedAnswer])[]> {
    const warned: string[] = [];
    this.#warn = message => {
      warned.push(message);
      this.context.log.warn(message);
    };
    const answers = await this.#answerFrom(needs);
    this.#warn = message => {
      const at = warned.indexOf(message);
      if (at < 0) this.context.log.warn(message);
      else warned.splice(at, 1);
    };
    return answers;
  }

  async #answerFrom(needs: readonly EvalNeed[]): Promise<readonly (readonly [EvalNeed, NeedAnswer])[]> {
    const evalStore = await this.evalStore();
    this.#realStoreDir = evalStore.realStoreDir;
    const { context } = this;
    const store = await this.store();
    const ways = await this.#ways();
    const getFlake = (reference: string) => this.flakes.getForExpression(reference);
    const answered = context.modes.plansOnly
      ? await requireNothing(needs, { realising: await this.stores.realising(), store, context })
      : needs;
    using _waiting = this.#showWaiting(needs);
    return await answerNeeds(evalStore, answered, {
      ...ways,
      getFlake,
      wantsClosures: this.#wantsClosures,
      signal: context.signal,
    });
  }

  /** Has the progress bar say what the evaluation waits for. */
  #showWaiting(needs: readonly EvalNeed[]): Disposable | undefined {
    const { log } = this.context;
    const outputs = needs.filter(({ kind }) => kind === 'output').length;
    if (outputs === 0) return undefined;
    return log.startActivity({
      type: 'unknown',
      level: 'talkative',
      text: `evaluating, waiting for ${outputs} ${outputs === 1 ? 'output' : 'outputs'}`,
    });
  }

  async #ways() {
    const options = {
      evalStore: await this.evalStore(),
      writes: this.#writes,
      wantsMembers: this.#wantsClosures,
      downloads: () => this.#downloads(),
      warn: (message: string) => this.#warn(message),
      realising: () => this.stores.realising(),
      registries: this.registries,
    };
    return realiseForEvaluation(await this.store(), this.context, options);
  }

  /** The flakes that command lines and expressions name. Nothing is to be asked of them in a pass. */
  get flakes(): Flakes {
    return (this.#flakes ??= openFlakes(this.context, {
      evaluator: this.evaluator,
      registries: this.registries,
      fetchTree: (input, url) => this.#fetchInput(input, url),
      ensureInStore: path => this.#ensureInStore(path),
      settle: () => this.#settle(),
      applyConfig: config => {
        this.#recording?.configured(config);
        applyFlakeConfig(this.context, config, this.#recording?.inputs);
      },
      onUncertain: () => this.forget(),
      reporter: withWarnings(this.context.log, text => this.tell({ kind: 'warning', text })),
    }));
  }

  async #fetchInput(input: InputAttributes, url: string): Promise<FetchedTree> {
    const need = { kind: 'tree', input, url } as const;
    const tree = await (await this.#ways()).fetchTree(need);
    this.#recording?.answered(need, { kind: 'tree', tree });
    return tree;
  }

  /** Shows what the evaluation says, which is remembered with it. */
  tell(message: EvalMessage): void {
    this.#recording?.said(message);
    this.#say(message);
  }

  /** What is in the store is read from there from now on, where that can be. */
  async #settle(): Promise<void> {
    if (!this.#writes) return;
    await this.commit();
    const evalStore = await this.evalStore();
    if (!(evalStore instanceof LocalStore)) return;
    this.#realStoreDir = evalStore.realStoreDir;
    this.#io?.forgetCopied();
  }

  async #ensureInStore(path: StorePath): Promise<boolean> {
    if (this.evaluator.io.locate({ kind: 'presence', path }) !== undefined) return true;
    const { signal } = this.context;
    const evalStore = await this.evalStore();
    this.#realStoreDir = evalStore.realStoreDir;
    const isValid = (await evalStore.validPaths([path], { signal })).has(path);
    try {
      if (!isValid) await (await this.#ways()).fetch(path);
    } catch (error) {
      signal.throwIfAborted();
      this.context.log.log('debug', `substitution of ${path} failed: ${messageOf(error)}`);
      return false;
    }
    // That it is there is recorded: so nothing of where it comes from has to be.
    if (this.#recording !== undefined) await this.answer([{ kind: 'validity', path }]);
    return true;
  }

  /** Where downloads are as long as the evaluation goes on. */
  #downloads(): string {
    if (this.#downloadFolder === undefined) {
      const folder = mkdtempSync(join(this.context.environment.temporaryDir, 'firn-downloads-'));
      this.#opened.defer(() => removeTree(folder));
      this.#downloadFolder = folder;
    }
    return this.#downloadFolder;
  }

  /** Adds to the store what the evaluation wants to be there, unless nothing is written. */
  commit(): Promise<void> {
    // One after the other: what somebody else has begun to add has to be there, too.
    const committed = this.#committed.then(() => this.#addWanted());
    this.#committed = committed.catch(() => undefined);
    return committed;
  }

  async #addWanted(): Promise<void> {
    const wanted = this.#wanted.splice(0);
    if (wanted.length === 0 || !this.#writes) return;
    await addWantedObjects(await this.evalStore(), wanted, {
      signal: this.context.signal,
      reporter: this.context.log,
    });
  }

  /** The store that the command works on, opened when it is first asked for. */
  store(): Promise<Store> {
    return this.stores.store();
  }

  /** Where derivations and sources go: the same, unless `--eval-store` says otherwise. */
  evalStore(): Promise<Store> {
    return this.stores.evalStore();
  }

  /** Shows what the evaluation has made and done, where that is asked for. */
  async [Symbol.asyncDispose](): Promise<void> {
    await using _ = this.#opened;
    if (this.#evaluator === undefined) return;
    this.#evaluator.observation?.finish();
    this.#observer.report(this.#evaluator, this.context);
  }

  /** As the settings and flags say. */
  #start(from: EvaluationArguments): Evaluator {
    const recording = this.#recording;
    const shownTrees = new ShownTrees(this.#storeDir, path => this.#io?.stat(byteStringFromText(path)) !== undefined);
    const io = (this.#io = new FileSystemIO({
      storeDir: this.#storeDir,
      want: object => {
        this.#wanted.push(object);
        if (this.#writes) recording?.wanted(object.path);
      },
      environment: name => this.#variable(name),
      say: message => this.tell(message),
      workingFolder: absolutePath(byteStringFromText('.')),
      showsWanted: this.#writes,
      realStoreDir: () => this.#realStoreDir,
      inputs: recording?.inputs,
      shownTrees,
    }));
    const evaluator: Evaluator = new Evaluator({
      io,
      shownTrees,
      ...this.#settings,
      observation: this.#observer.options,
      debugger: debuggerOptions(
        this.context,
        from.debugPrompt?.(() => evaluator),
      ),
    });
    return evaluator;
  }
}

/** The same reporter, whose warnings somebody else gets. */
function withWarnings(reporter: Reporter, warn: (text: string) => void): Reporter {
  return {
    shows: level => reporter.shows(level),
    log: (level, text) => reporter.log(level, text),
    warn,
    logError: error => reporter.logError(error),
    startActivity: start => reporter.startActivity(start),
    suspend: () => reporter.suspend(),
  };
}

/** Shows what an evaluation says. */
export function showMessage({ log }: CommandContext, message: EvalMessage): void {
  switch (message.kind) {
    case 'trace':
      log.log('error', `trace: ${message.text}`);
      return;
    case 'program-warning':
      log.log('warn', formatWarning(message.text));
      return;
    case 'call-trace':
      log.log('info', message.text);
      return;
    case 'warning':
      log.warn(locateWarning(message.text, message.position));
      return;
    default:
      unreachable(message);
  }
}

function debuggerOptions({ settings }: CommandContext, prompt: DebugPrompt | undefined): DebuggerOptions | undefined {
  if (prompt === undefined) return undefined;
  return {
    prompt,
    ignoresTry: settings.get('ignore-try'),
    stopsAtTraces: settings.get('debugger-on-trace'),
    stopsAtWarnings: settings.get('debugger-on-warn'),
  };
}
