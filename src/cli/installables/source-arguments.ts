import {
  type ByteString,
  FirnError,
  byteStringFromLatin1,
  byteStringFromText,
  displayBytes,
  silentReporter,
} from '../../base/index.ts';
import { type LockFlags, findFlake, findInput, isLockedNode } from '../../engine/index.ts';
import { EvalError, type Word, select } from '../../eval/index.ts';
import type { Store } from '../../store/index.ts';
import type { Completer, Completions } from '../args/completions.ts';
import type { Flag } from '../args/flag.ts';
import type { CommandContext } from '../command.ts';
import { CliError } from '../error.ts';
import { Evaluation } from '../evaluation/evaluation.ts';
import { evaluationFlags, noArguments } from '../evaluation/evaluation-arguments.ts';
import { SourceExpressionFlags, delaySource } from '../evaluation/source-expression.ts';
import { openCommandStore, openStoreAt } from '../open-store.ts';
import { debuggerFlag } from '../repl/debugger-flag.ts';
import { attributePathsFrom, evaluatedInstallables, parseSelection } from './evaluated-installables.ts';
import { completeFlake, completeInputsOf, expandHome } from '../flakes/complete-flake.ts';
import { FlakeArguments } from './flake-arguments.ts';
import {
  type FlakeAttributes,
  type FlakeInstallable,
  type FoundAttribute,
  findAttributes,
  fragmentsFrom,
  packageAttributes,
  isFlakeInstallable,
  parseFlakeInstallable,
  questionOf,
  targetOf,
} from './flake-installable.ts';
import { FlakeRoots, outputsOf } from './flake-roots.ts';
import { type Installable, type NamedPath, parseInstallable } from './installable.ts';
import { type RecordedPath, areRecordedPaths, fromRecordedPath, toRecordedPath } from './recorded-path.ts';

/** How a command evaluates. */
export interface SourceOptions<T> {
  /** The store that the command works on, where it is open already. */
  readonly store?: Store;
  readonly writes?: boolean;
  /** Given where the result may be remembered: what is asked, but for the source itself, and whether something is an answer. */
  readonly memory?: { readonly question: readonly unknown[]; readonly isAnswer: (value: unknown) => value is T };
}

/**
 * The flags that say how installables are evaluated, and the evaluation that comes of them: of all commands that take
 * installables.
 *
 *     const source = new SourceArguments(context);
 *     ... flags: [...source.flags], run: async () => {
 *       await using store = await openCommandStore(context);
 *       const installables = await source.resolve(store, texts);
 */
export class SourceArguments {
  readonly flags: readonly Flag[];
  readonly #context: CommandContext;
  readonly #from = noArguments();
  readonly #expression = new SourceExpressionFlags();
  #evaluation: Evaluation | undefined;
  #root: Word | undefined;
  #evalStore: Store | undefined;
  readonly #flakes: FlakeArguments;
  readonly #attributes: FlakeAttributes;
  #roots: FlakeRoots | undefined;

  /** `attributesOf` says which attributes of flakes a command means on a system; packages unless given. */
  constructor(context: CommandContext, attributesOf: (system: string) => FlakeAttributes = packageAttributes) {
    this.#context = context;
    this.#attributes = attributesOf(context.settings.get('system'));
    this.#flakes = new FlakeArguments(context, {
      flake: completeFlake(context),
      input: completeInputsOf(context, () => this.namedTexts()),
    });
    this.flags = [
      ...evaluationFlags(this.#from),
      ...this.#expression.flags,
      debuggerFlag(context, this.#from),
      ...this.#flakes.flags,
    ];
  }

  /** What installables there are on the command line: it says what completes to inputs of theirs. */
  namedTexts: () => readonly ByteString[] = () => [];

  /** What an installable can become: a flake, an attribute of one, or with `--file` an attribute path. */
  readonly complete: Completer = async (completions, prefix, index) => {
    if (this.#expression.source?.kind === 'file') await this.#completeAttribute(completions, prefix);
    else if (prefix.includes('#')) await this.#completeFragment(completions, prefix);
    else await completeFlake(this.#context)(completions, prefix, index);
  };

  /** Nothing is written, and what cannot be evaluated has nothing to complete. */
  async #completeFragment(completions: Completions, prefix: ByteString): Promise<void> {
    completions.kind = 'attrs';
    const hash = prefix.indexOf('#');
    const [text, fragment] = [prefix.slice(0, hash), prefix.slice(hash + 1)].map(part => {
      return displayBytes(byteStringFromLatin1(part));
    });
    try {
      const reference = findFlake(expandHome(text ?? '', this.#context), {
        baseFolder: displayBytes(this.#context.baseFolder),
        reporter: silentReporter,
      });
      const evaluation = this.#start({ writes: false });
      this.#roots ??= new FlakeRoots(evaluation, this.#flakes);
      const { root } = await this.#roots.of(reference, { writes: false });
      const { evaluator } = evaluation;
      const found = await evaluation.perform(() => {
        return fragmentsFrom(evaluator, outputsOf(evaluator, root), this.#attributes, fragment ?? '');
      });
      for (const each of found) completions.add(byteStringFromText(`${text ?? ''}#${each}`));
    } catch (error) {
      this.#context.signal.throwIfAborted();
      if (!(error instanceof FirnError)) throw error;
    }
  }

  /** Whether `--repair` was given. */
  get repairs(): boolean {
    return this.#from.repairs === true;
  }

  /** Whether installables are attribute paths of what `--file` or `--expr` says. Throws `usage/useless-flag`. */
  get isGiven(): boolean {
    return this.#expression.source !== undefined;
  }

  /** Where derivations are: `store`, unless `--eval-store` says otherwise. It lives as long as the command. */
  async evalStoreOf(store: Store): Promise<Store> {
    if (this.#evaluation !== undefined) return this.#evaluation.evalStore();
    const uri = this.#from.evalStore;
    if (uri === undefined) return store;
    return (this.#evalStore ??= this.#context.resources.use(await openStoreAt(uri, this.#context)));
  }

  /**
   * What `texts` mean, in order; one attribute path may mean several. Throws what evaluating throws, and as
   * `parseInstallable`.
   */
  async resolve(store: Store, texts: readonly ByteString[]): Promise<Installable[]> {
    const named = this.isGiven ? await this.#resolveGiven(store, texts) : await this.#resolveEach(store, texts);
    const evalStore = await this.evalStoreOf(store);
    return named.map(({ path, what, origin }) => ({ path, what, origin, evalStore }));
  }

  async #resolveGiven(store: Store, texts: readonly ByteString[]): Promise<NamedPath[]> {
    const work = (evaluation: Evaluation, root: Word): RecordedPath[] => evaluatedInstallables(evaluation, root, texts);
    const memory = { question: ['installables', texts], isAnswer: areRecordedPaths };
    return (await this.evaluate(work, { store, memory })).map(fromRecordedPath);
  }

  async #resolveEach(store: Store, texts: readonly ByteString[]): Promise<NamedPath[]> {
    const meant = texts.map(text => {
      return parseInstallable(store, text, this.#context) ?? this.#parseFlake(text);
    });
    const ofFlakes = await this.#resolveFlakes(store, meant.filter(isFlakeInstallable));
    return meant.flatMap(each => (isFlakeInstallable(each) ? (ofFlakes.get(each) ?? []) : each));
  }

  #parseFlake(text: ByteString): FlakeInstallable {
    return parseFlakeInstallable(text, this.#attributes, this.#context);
  }

  async #resolveFlakes(
    store: Store,
    installables: readonly FlakeInstallable[],
  ): Promise<ReadonlyMap<FlakeInstallable, NamedPath>> {
    const resolved = new Map<FlakeInstallable, NamedPath>();
    if (installables.length === 0) return resolved;
    const work = async () => {
      const named: RecordedPath[] = [];
      for (const each of installables) named.push(toRecordedPath(await this.#resolveInstallable(store, each)));
      return named;
    };
    const question = ['flakes', installables.map(questionOf), this.#flakes.asData];
    const named = await this.#start({ store }).recall({ question, isAnswer: areRecordedPaths, work });
    for (const [index, each] of installables.entries()) {
      const found = named[index];
      if (found !== undefined) resolved.set(each, fromRecordedPath(found));
    }
    return resolved;
  }

  /** As `resolve`, of an attribute of a flake. */
  async resolveAttribute(
    store: Store,
    installable: FlakeInstallable,
    more: Partial<LockFlags> = {},
  ): Promise<Installable> {
    const { path, what, origin } = await this.#resolveInstallable(store, installable, more);
    return { path, what, origin, evalStore: await this.evalStoreOf(store) };
  }

  /**
   * The interactive bash of the nixpkgs that a flake has for an input; undefined where there is no such flake or input. Throws
   * what evaluating throws.
   */
  async interactiveBashOf(store: Store, text: ByteString): Promise<Installable | undefined> {
    if (this.isGiven || parseInstallable(store, text, this.#context) !== undefined) return undefined;
    const evaluation = this.#start({ store });
    const installable = this.#parseFlake(text);
    const { locked } = await this.#rootOf(evaluation, installable);
    const node = findInput(locked.root, ['nixpkgs']);
    if (node === undefined || !isLockedNode(node) || !node.isFlake) return undefined;
    const name = 'bashInteractive';
    const attributes = [`legacyPackages.${this.#context.settings.get('system')}.${name}`, name];
    const wanted = { reference: node.locked, attributes, outputs: undefined, what: `nixpkgs#${name}` };
    return this.resolveAttribute(store, wanted, { overrides: [], updatedInputs: [] });
  }

  /** What an attribute of a flake is, which is wanted in the store then. */
  async #resolveInstallable(
    store: Store,
    installable: FlakeInstallable,
    more: Partial<LockFlags> = {},
  ): Promise<NamedPath> {
    const { reference: original, outputs, what } = installable;
    const evaluation = this.#start({ store });
    const { root, locked } = await this.#rootOf(evaluation, installable, more);
    const { evaluator } = evaluation;
    const found = await evaluation.perform(() => {
      const [attribute] = findAttributes(evaluator, outputsOf(evaluator, root), installable);
      if (attribute === undefined) throw new TypeError('an attribute was found, or none');
      return { attributePath: attribute.path, ...targetOf(evaluator, attribute, outputs) };
    });
    await evaluation.commit();
    const { path, priority, attributePath } = found;
    return { path, what, origin: { original, locked: locked.flake.locked, attributePath, outputs, priority } };
  }

  #rootOf(evaluation: Evaluation, { reference }: FlakeInstallable, more: Partial<LockFlags> = {}) {
    if (this.#from.args.size > 0) {
      throw new CliError('usage/useless-flag', "'--arg' and '--argstr' are incompatible with flakes");
    }
    this.#roots ??= new FlakeRoots(evaluation, this.#flakes);
    return this.#roots.of(reference, more);
  }

  /**
   * Does `work` with the value of `--file` or `--expr`, which wants nothing in the store any more when it is done, unless
   * `writes` is false. `work` may be begun anew. Throws `usage/…`, `installable/needs-evaluation`, and what evaluating
   * throws.
   */
  async evaluate<T>(work: (evaluation: Evaluation, root: Word) => T, options: SourceOptions<T> = {}): Promise<T> {
    const evaluation = this.#start(options);
    const evaluate = async (): Promise<T> => {
      const result = await evaluation.perform(() => work(evaluation, this.#evaluateRoot(evaluation)));
      await evaluation.commit();
      return result;
    };
    const { memory } = options;
    const { source } = this.#expression;
    // What standard input says is not known before it is read.
    if (memory === undefined || source === undefined || source.text === '-') return evaluate();
    return evaluation.recall({ question: [source, memory.question], isAnswer: memory.isAnswer, work: evaluate });
  }

  /**
   * As `evaluate`, of what one installable is, for commands that work on values; `path` is its attribute path in a flake. Throws `usage/not-a-value` for store
   * paths.
   */
  async evaluateOne<T>(
    text: ByteString,
    work: (evaluation: Evaluation, value: Word, path: string) => T,
    options: SourceOptions<T> = {},
  ): Promise<T> {
    return this.evaluateFound(
      text,
      (evaluation, [first]) => {
        if (first === undefined) throw new TypeError('an attribute was found, or none');
        return work(evaluation, evaluation.evaluator.force(first.value), first.path);
      },
      options,
    );
  }

  /** As `evaluateOne`; `work` also gets what an attribute of another flake is, whose lock file is not written. */
  async evaluateOneBy<T>(
    { text, tool }: { readonly text: ByteString; readonly tool: FlakeInstallable },
    work: (evaluation: Evaluation, value: Word, tool: Word) => T,
    options: SourceOptions<T> = {},
  ): Promise<T> {
    const { root } = await this.#rootOf(this.#start(options), tool, { writes: false });
    return this.evaluateOne(
      text,
      (evaluation, value) => {
        const { evaluator } = evaluation;
        const [found] = findAttributes(evaluator, outputsOf(evaluator, root), tool);
        if (found === undefined) throw new TypeError('an attribute was found, or none');
        return work(evaluation, value, evaluator.force(found.value));
      },
      options,
    );
  }

  /** As `evaluateOne`, of all attributes that an installable may mean, best first; there is at least one. */
  async evaluateFound<T>(
    text: ByteString,
    work: (evaluation: Evaluation, found: readonly FoundAttribute[]) => T,
    options: SourceOptions<T> = {},
  ): Promise<T> {
    if (this.isGiven) {
      const { path } = parseSelection(text);
      return this.evaluate((evaluation, root) => {
        const value = select(evaluation.evaluator, path, evaluation.args, root);
        return work(evaluation, [{ path: '', value }]);
      }, options);
    }
    const store = options.store ?? this.#context.resources.use(await openCommandStore(this.#context));
    const known = parseInstallable(store, text, this.#context);
    if (known !== undefined) {
      const message = `installable '${known.what}' does not correspond to a Nix language value`;
      throw new CliError('usage/not-a-value', message);
    }
    const installable = this.#parseFlake(text);
    const evaluation = this.#start({ ...options, store });
    const evaluate = async (): Promise<T> => {
      const { root } = await this.#rootOf(evaluation, installable);
      const { evaluator } = evaluation;
      const result = await evaluation.perform(() => {
        return work(evaluation, findAttributes(evaluator, outputsOf(evaluator, root), installable));
      });
      await evaluation.commit();
      return result;
    };
    const { memory } = options;
    if (memory === undefined) return evaluate();
    const question = ['flake', questionOf(installable), this.#flakes.asData, memory.question];
    return evaluation.recall({ question, isAnswer: memory.isAnswer, work: evaluate });
  }

  async #completeAttribute(completions: Completions, prefix: ByteString): Promise<void> {
    completions.kind = 'attrs';
    try {
      const work = (evaluation: Evaluation, root: Word) => attributePathsFrom(evaluation, root, prefix);
      for (const path of await this.evaluate(work, { writes: false })) completions.add(path);
    } catch (error) {
      // What cannot be evaluated has nothing to complete.
      if (!(error instanceof EvalError)) throw error;
    }
  }

  #evaluateRoot(evaluation: Evaluation): Word {
    const { source } = this.#expression;
    if (source === undefined) throw new CliError('installable/needs-evaluation', 'use --file or --expr');
    return evaluation.evaluator.force((this.#root ??= delaySource(evaluation, source)));
  }

  /** One evaluation for all that the command evaluates. */
  #start(options: { readonly store?: Store; readonly writes?: boolean }): Evaluation {
    if (this.#evaluation !== undefined) return this.#evaluation;
    if (this.#expression.source?.kind === 'file') {
      const { settings } = this.#context;
      if (settings.get('pure-eval') && settings.isOverridden('pure-eval')) {
        throw new CliError('usage/useless-flag', "'--file' is not compatible with '--pure-eval'");
      }
      // Files were never pure.
      this.#from.isImpure = true;
    }
    const { resources } = this.#context;
    return (this.#evaluation = resources.use(new Evaluation(this.#context, this.#from, options)));
  }
}
