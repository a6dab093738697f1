import { mkdtempSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import {
  type ByteString,
  byteStringFromLatin1,
  byteStringFromText,
  bytesOf,
  packageFolder,
  displayBytes,
  messageOf,
  systemErrorText,
  unreachable,
} from '../../base/index.ts';
import {
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
  type NeedAnswer,
  type Word,
} from '../../eval/index.ts';
import { removeTree } from '../../castore/index.ts';
import { type StorePath, experimentalFeatures } from '../../nix-compat/index.ts';
import { LocalStore, type Store } from '../../store/index.ts';
import type { CommandContext } from '../command.ts';
import { CliError } from '../error.ts';
import { channelEntries } from '../channel-places.ts';
import { openRegistries } from '../open-registries.ts';
import { openCommandStore, openStoreAt, storeDirAt } from '../open-store.ts';
import { absolutePath, fsPathOf, quotePath } from '../paths.ts';
import { readStandardInput } from '../read-input.ts';
import { formatWarning, locateWarning } from '../render/format-warning.ts';
import type { ArgumentSource, EvaluationArguments } from './evaluation-arguments.ts';
import { EvaluationObserver } from './observe-evaluation.ts';
import { type Realising, openRealising } from '../installables/realising.ts';
import { openFlakes } from './open-flakes.ts';
import { realiseForEvaluation } from './realise-for-evaluation.ts';
import { requireNothing } from './require-nothing.ts';

/** Texts beyond it do not fit the evaluator's memory. */
export const largestSource = 1024 ** 3;

export interface EvaluationOptions {
  /** Whether what the evaluation wants in the store is written there. */
  readonly writes?: boolean;
  /** The store that the command works on, where it is open already. */
  readonly store?: Store | undefined;
  /** What makes valid what the evaluation needs; opened when that is first needed unless given. */
  readonly realising?: Realising | undefined;
}

/**
 * An evaluation of a command line, and the stores that it meets when it has to.
 *
 *     await using evaluation = new Evaluation(context, from);
 *     const value = await evaluation.perform(() => evaluation.evaluator.evaluate(tree));
 *     await evaluation.commit();
 */
export class Evaluation implements AsyncDisposable {
  readonly evaluator: Evaluator;
  /** What `--arg` and its like pass to functions. */
  readonly args: AutoArguments;
  readonly context: CommandContext;
  readonly #from: EvaluationArguments;
  readonly #writes: boolean;
  /** In the order that the evaluation came to want it. */
  readonly #wanted: WantedObject[] = [];
  readonly #opened = new AsyncDisposableStack();
  readonly #observer: EvaluationObserver;
  /** What names of flakes stand for. */
  readonly registries: Registries;
  #flakes: Flakes | undefined;
  #io: FileSystemIO | undefined;
  #downloadFolder: string | undefined;
  /** Where the objects of the store are that evaluation looks at, once that is opened. */
  #realStoreDir: string | undefined;
  #store: Promise<Store> | undefined;
  #evalStore: Promise<Store> | undefined;
  #realising: Promise<Realising> | undefined;

  constructor(context: CommandContext, from: EvaluationArguments, given: EvaluationOptions = {}) {
    const { writes = true, store, realising } = given;
    this.context = context;
    this.#from = from;
    this.#writes = writes && !context.modes.readsOnly;
    this.#store = store === undefined ? undefined : Promise.resolve(store);
    this.#realising = realising === undefined ? undefined : Promise.resolve(realising);
    this.#observer = this.#opened.use(new EvaluationObserver(context));
    this.registries = openRegistries(context);
    for (const [replaced, by] of from.flakeOverrides) {
      const options = { baseFolder: displayBytes(absolutePath(byteStringFromText('.'))), reporter: context.log };
      this.registries.override(findFlake(replaced, options).input, findFlake(by, { ...options, allowsMissing: true }));
    }
    this.evaluator = this.#start(from);
    this.args = readArguments(this.evaluator, from);
  }

  /** Does what evaluates, which may need the store to go on: `work` is begun anew then, and must not mind. */
  perform<T>(work: () => T): Promise<T> {
    return evaluateInPasses(this.evaluator, work, needs => this.answer(needs));
  }

  /** Sees to what the evaluation needs; all that it wants in the store is there then. */
  async answer(needs: readonly EvalNeed[]): Promise<Iterable<readonly [EvalNeed, NeedAnswer]>> {
    await this.commit();
    const evalStore = await this.evalStore();
    if (evalStore instanceof LocalStore) this.#realStoreDir = evalStore.realStoreDir;
    const wantsClosures = this.evaluator.access !== undefined;
    const { context } = this;
    const store = await this.store();
    const ways = await this.#ways();
    const getFlake = (reference: string) => this.flakes.getForExpression(reference);
    const answered = context.modes.plansOnly
      ? await requireNothing(needs, { realising: await this.#openRealising(), store, context })
      : needs;
    using _waiting = this.#showWaiting(needs);
    return await answerNeeds(evalStore, answered, { ...ways, getFlake, wantsClosures, signal: context.signal });
  }

  /** Has the progress bar say what the evaluation waits for. */
  #showWaiting(needs: readonly EvalNeed[]): Disposable | undefined {
    const { log } = this.context;
    const outputs = needs.filter(({ kind }) => kind === 'output').length;
    if (!log.showsProgress || outputs === 0) return undefined;
    return log.startActivity({
      type: 'unknown',
      text: `evaluating, waiting for ${outputs} ${outputs === 1 ? 'output' : 'outputs'}`,
    });
  }

  /** What makes things valid that the evaluation needs, opened when that is first needed. */
  #openRealising(): Promise<Realising> {
    return (this.#realising ??= this.#startRealising());
  }

  async #startRealising(): Promise<Realising> {
    const options = { evalStore: await this.evalStore() };
    return this.#opened.use(await openRealising(await this.store(), this.context, options));
  }

  async #ways() {
    const options = {
      evalStore: await this.evalStore(),
      writes: this.#writes,
      downloads: () => this.#downloads(),
      realising: () => this.#openRealising(),
      registries: this.registries,
    };
    return realiseForEvaluation(await this.store(), this.context, options);
  }

  /** The flakes that command lines and expressions name. Nothing is to be asked of them in a pass. */
  get flakes(): Flakes {
    return (this.#flakes ??= openFlakes(this.context, {
      evaluator: this.evaluator,
      registries: this.registries,
      fetchTree: async (input, url) => (await this.#ways()).fetchTree({ kind: 'tree', input, url }),
      ensureInStore: path => this.#ensureInStore(path),
      settle: () => this.#settle(),
    }));
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
    if (evalStore instanceof LocalStore) this.#realStoreDir = evalStore.realStoreDir;
    if ((await evalStore.validPaths([path], { signal })).has(path)) return true;
    try {
      await (await this.#ways()).fetch(path);
      return true;
    } catch (error) {
      signal.throwIfAborted();
      this.context.log.log('debug', `substitution of ${path} failed: ${messageOf(error)}`);
      return false;
    }
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
  async commit(): Promise<void> {
    const wanted = this.#wanted.splice(0);
    if (wanted.length === 0 || !this.#writes) return;
    await addWantedObjects(await this.evalStore(), wanted, this.context.signal);
  }

  /** The store that the command works on, opened when it is first asked for. */
  store(): Promise<Store> {
    return (this.#store ??= this.#open(openCommandStore(this.context)));
  }

  /** Where derivations and sources go: the same, unless `--eval-store` says otherwise. */
  evalStore(): Promise<Store> {
    const uri = this.#from.evalStore;
    if (uri === undefined) return this.store();
    return (this.#evalStore ??= this.#open(openStoreAt(uri, this.context)));
  }

  async #open(opening: Promise<Store>): Promise<Store> {
    return this.#opened.use(await opening);
  }

  /** Shows what the evaluation has made and done, where that is asked for. */
  async [Symbol.asyncDispose](): Promise<void> {
    await using _ = this.#opened;
    this.evaluator.observation?.finish();
    this.#observer.report(this.evaluator, this.context);
  }

  /** As the settings and flags say. */
  #start(from: EvaluationArguments): Evaluator {
    const { environment, settings } = this.context;
    const storeDir = storeDirAt(from.evalStore ?? settings.get('store'), this.context);
    const isPure = settings.get('pure-eval') && from.isImpure !== true;
    const seesEnvironment = !isPure && !settings.get('restrict-eval');
    const io = (this.#io = new FileSystemIO({
      storeDir,
      want: object => this.#wanted.push(object),
      environment: name => (seesEnvironment ? process.env[name] : undefined),
      say: message => say(this.context, message),
      workingFolder: absolutePath(byteStringFromText('.')),
      showsWanted: this.#writes,
      realStoreDir: () => this.#realStoreDir,
    }));
    const system = settings.get('eval-system') || settings.get('system');
    const evaluator = new Evaluator({
      io,
      isReadOnly: !this.#writes,
      ...(isPure ? {} : { system, homePath: environment.home }),
      searchPath: searchPathOf(this.context, from),
      // Firn's own library for the language.
      library: { prefix: 'firn', path: join(packageFolder(), 'nix') },
      maxCallDepth: settings.get('max-call-depth'),
      showTrace: settings.get('show-trace'),
      features: new Set(experimentalFeatures.filter(feature => settings.isEnabled(feature))),
      purity: isPure ? 'pure' : settings.get('restrict-eval') ? 'restricted' : undefined,
      allowedUris: settings.get('allowed-uris'),
      importFromDerivation: importFromDerivation(this.context),
      abortsOnWarning: settings.get('abort-on-warn') || /^(?:1|yes|true)$/.test(process.env['NIX_ABORT_ON_WARN'] ?? ''),
      tracesVerbosely: settings.get('trace-verbose'),
      lints: {
        'lint-url-literals': settings.get('lint-url-literals'),
        'lint-absolute-path-literals': settings.get('lint-absolute-path-literals'),
        'lint-short-path-literals': settings.get('lint-short-path-literals'),
      },
      observation: this.#observer.options,
      debugger: debuggerOptions(
        this.context,
        from.debugPrompt?.(() => evaluator),
      ),
    });
    return evaluator;
  }
}

function importFromDerivation({ settings }: CommandContext) {
  if (!settings.get('allow-import-from-derivation')) return 'refused';
  return settings.get('trace-import-from-derivation') ? 'traced' : 'allowed';
}

function say({ log }: CommandContext, message: EvalMessage): void {
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

function searchPathOf(context: CommandContext, { searchPath }: EvaluationArguments) {
  const { settings } = context;
  return [...searchPath, ...settings.get('nix-path'), ...channelEntries(context)].map(entry => {
    const at = entry.indexOf('=');
    return at < 0 ? { prefix: '', path: entry } : { prefix: entry.slice(0, at), path: entry.slice(at + 1) };
  });
}

function readArguments(evaluator: Evaluator, { args, baseFolder }: EvaluationArguments): AutoArguments {
  const folder = baseFolder ?? absolutePath(byteStringFromText('.'));
  return new Map(Array.from(args, ([name, source]) => [name, readArgument(evaluator, source, folder)] as const));
}

function readArgument(evaluator: Evaluator, source: ArgumentSource, folder: ByteString): Word {
  const { core } = evaluator;
  switch (source.kind) {
    case 'text':
      return core.string(source.text);
    case 'file':
      return bytesWord(evaluator, readArgumentFile(source.text));
    case 'input':
      return bytesWord(evaluator, readStandardInput(largestSource));
    case 'expression': {
      const origin = { kind: 'text', name: '«string»' } as const;
      return evaluator.delay(evaluator.parse(bytesOf(source.text), origin, folder));
    }
    default:
      return unreachable(source);
  }
}

function bytesWord({ core }: Evaluator, bytes: Buffer): Word {
  return core.string(byteStringFromLatin1(bytes.toString('latin1')));
}

function readArgumentFile(path: ByteString): Buffer {
  try {
    return readFileSync(fsPathOf(path));
  } catch (cause) {
    const message = `opening file ${quotePath(path)}: ${systemErrorText(cause)}`;
    throw new CliError('input/failed', message, { cause });
  }
}
