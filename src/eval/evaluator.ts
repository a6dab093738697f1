import { type ByteString, brandAs, byteStringFromText, displayBytes } from '../base/index.ts';
import {
  type Derivation,
  DerivationHasher,
  type ExperimentalFeature,
  type StorePath,
  isDerivationPath,
} from '../nix-compat/index.ts';
import {
  Refusal,
  type Remark,
  type RemarkKind,
  describeCursedOr,
  describeLiteral,
  lintSettings,
  remarkKinds,
} from '../syntax/index.ts';
import { AccessList, type Purity, restrictIO } from './access.ts';
import { isAllowedUri } from './allowed-uri.ts';
import { hostBuiltins } from './builtins/table.ts';
import { canonicalPathOf, parentOf } from './canonical-path.ts';
import { Core } from './core.ts';
import { declareConstants } from './declare-constants.ts';
import { type LogBase, coerce } from './core-exports.ts';
import { stringHeader } from './core-memory.ts';
import { ErrorLog, internalOrigin, mark, normal } from './error-log.ts';
import { Debugger, type DebuggerOptions } from './debug/debugger.ts';
import { EvalError, asEvalError } from './eval-error.ts';
import type { EvalIO, EvalMessage } from './eval-io.ts';
import { fetchPlace } from './fetch-place.ts';
import { FileLookup, type SearchPathEntry } from './file-lookup.ts';
import { hostFunctions } from './host-functions.ts';
import { derivationText } from './internal-files.ts';
import { MadeDerivations } from './made-derivations.ts';
import { type EvalNeed, type NeedAnswer, Suspension } from './needs.ts';
import { Observation, type ObservationOptions } from './observe/observation.ts';
import { type Pass, Passes, type Siblings, type WorkState, siblingsAfter } from './passes.ts';
import { type Origin, Positions } from './positions.ts';
import { syntaxError } from './syntax-error.ts';
import { type PrintOptions, printValue } from './value-printer.ts';
import { type ShownTree, ShownTrees } from './shown-trees.ts';
import { type Word, setWordAt } from './word.ts';

export interface EvaluatorOptions {
  /** What messages call fetched trees; shared with what reads files. */
  readonly shownTrees?: ShownTrees;
  readonly io: EvalIO;
  /** `builtins.currentSystem`; absent in pure evaluation. */
  readonly system?: string;
  /** Entries of the search path, in order. */
  readonly searchPath?: readonly { readonly prefix: string; readonly path: string }[];
  /** What is found where the search path has nothing of that name: an entry of ours, which `nixPath` does not show. */
  readonly library?: { readonly prefix: string; readonly path: string };
  readonly maxCallDepth?: number;
  /** Whether errors say which functions were being called. */
  readonly showTrace?: boolean;
  /** The user's home; paths in it are refused where it is absent. */
  readonly homePath?: string;
  readonly features?: ReadonlySet<ExperimentalFeature>;
  /** Given where the evaluation must not see all of the world. */
  readonly purity?: Purity | undefined;
  /** What else a restricted evaluation may fetch from. */
  readonly allowedUris?: readonly string[];
  /** Whether nothing is written to the store. */
  readonly isReadOnly?: boolean;
  /** What is done where an expression needs what has to be built first; allowed unless given. */
  readonly importFromDerivation?: ImportFromDerivation;
  /** Whether `builtins.warn` is an error. */
  readonly abortsOnWarning?: boolean;
  /** Whether `builtins.traceVerbose` shows anything. */
  readonly tracesVerbosely?: boolean;
  /** What is done about forms of literals that are legal but discouraged. */
  readonly lints?: Lints;
  /** Given where calls are to be looked at and what is made counted. */
  readonly observation?: ObservationOptions | undefined;
  /** Given where somebody looks at the evaluation while it goes on; it is slower then. */
  readonly debugger?: DebuggerOptions | undefined;
}

/** `traced` is allowed, with a warning each time. */
export type ImportFromDerivation = 'allowed' | 'traced' | 'refused';

export type Lints = Readonly<
  Partial<Record<(typeof lintSettings)[keyof typeof lintSettings], 'ignore' | 'warn' | 'fatal'>>
>;

/** Names that builtins look for, as symbols. */
export interface KnownSymbols {
  readonly ignoreNulls: number;
  readonly name: number;
  readonly outPath: number;
  readonly structuredAttrs: number;
  readonly toString: number;
}

const parseOptionsSize = 28;

const bold = '\u001B[1m';

interface TextToParse {
  readonly text: Uint8Array;
  /** What messages show instead: the text, perhaps without its last byte. */
  readonly shown?: Uint8Array;
  readonly origin: Origin;
  readonly basePath: ByteString;
  readonly layer: number;
  readonly isBindings: boolean;
}

/** Evaluates Nix expressions. Its values live as long as it does. */
export class Evaluator {
  readonly core: Core;
  readonly io: EvalIO;
  /** Of an evaluation that must not see all of the world. */
  readonly access: AccessList | undefined;
  readonly shownTrees: ShownTrees;
  readonly positions = new Positions(path => this.shownTrees.show(path));
  readonly files: FileLookup;
  readonly errors: ErrorLog;
  readonly debugger: Debugger | undefined;
  readonly observation: Observation | undefined;
  readonly symbols: KnownSymbols;
  readonly baseEnv: number;
  readonly baseLayer: number;
  /** By path, as given and as resolved. */
  readonly importedFiles = new Map<ByteString, Word>();
  /** Those that the host made in this evaluation. */
  readonly derivations = new Map<StorePath, Derivation>();
  readonly derivationHasher: DerivationHasher;
  readonly #options: EvaluatorOptions;
  /** By the roots of their trees, those that are imported. */
  readonly #files = new Map<number, string>();
  readonly #made: MadeDerivations;
  readonly #passes: Passes;

  constructor(options: EvaluatorOptions) {
    this.#options = options;
    this.shownTrees = options.shownTrees ?? new ShownTrees(options.io.storeDir, () => false);
    this.access = options.purity === undefined ? undefined : new AccessList(options.purity);
    this.io = this.access === undefined ? options.io : restrictIO(options.io, this.access);
    this.files = new FileLookup(this);
    for (const { path } of this.searchPath) this.access?.allow(this.files.absolutePath(byteStringFromText(path)));
    const { observation } = options;
    this.observation =
      observation === undefined ? undefined : new Observation(this, observation, message => this.say(message));
    const imports = hostFunctions(this, { onRemark: remark => this.#remark(remark) });
    this.core = new Core(imports, observation === undefined ? 'plain' : 'observed');
    this.errors = new ErrorLog({
      core: this.core,
      positions: this.positions,
      storeDir: this.io.storeDir,
      builtinName: id => this.#builtinName(id),
      fileOf: tree => this.#shownFileOf(tree),
      showPath: path => this.shownTrees.show(path),
      coerceMessage: word => this.run(() => this.core.coerce(word, coerce.canonical)).text,
      showTrace: options.showTrace ?? false,
      onCallLeft: pos => this.observation?.left(pos),
    });
    this.#passes = new Passes({
      core: this.core,
      storeDir: this.io.storeDir,
      locate: need => this.io.locate(need),
      say: message => this.io.say(message),
      resolve: pos => this.positions.resolve(pos),
      suspendCell: cell => this.errors.suspendCell(cell, new Suspension()),
      explore: (work, depth) => this.#explore(work, depth),
      explores: observation === undefined && options.debugger === undefined,
    });
    this.#made = new MadeDerivations(this.core, options.io.storeDir);
    this.core.exports.setStoreDir(this.core.newString(byteStringFromText(options.io.storeDir)));
    this.derivationHasher = new DerivationHasher(
      options.io.storeDir,
      path => this.#made.hashOf(path) ?? this.findDerivation(path),
    );
    this.symbols = {
      ignoreNulls: this.core.internText('__ignoreNulls'),
      name: this.core.internText('name'),
      outPath: this.core.internText('outPath'),
      structuredAttrs: this.core.internText('__structuredAttrs'),
      toString: this.core.internText('__toString'),
    };
    this.debugger = options.debugger === undefined ? undefined : new Debugger(this, options.debugger);
    const { exports } = this.core;
    exports.setMaxCallDepth(this.maxCallDepth);
    for (const [id, { name, arity, features = [], isInternal = false }] of hostBuiltins.entries()) {
      if (isInternal) continue;
      if (features.length > 0 && !features.some(feature => this.hasFeature(feature))) continue;
      const text = this.core.newString(byteStringFromText(name));
      exports.declareHostBuiltin(text + stringHeader, name.length, id, arity);
    }
    const derivationCell = declareConstants(this, options);
    this.baseEnv = exports.finishStart();
    this.baseLayer = exports.newStaticLayer(0);
    for (let slot = 0; slot < exports.baseCount(); slot++) {
      exports.addStaticName(this.baseLayer, exports.baseName(slot), slot);
    }
    // `derivation` is itself a function in the language: what it makes is computed when it is asked for.
    const tree = this.parse(derivationText, { kind: 'text', name: internalOrigin }, brandAs<ByteString>('/'));
    setWordAt(this.core.memory, derivationCell, { low: tree, high: this.baseEnv });
  }

  /** The tree of a text, bound to the outermost names. Paths in it start from `basePath`. Throws `eval/syntax`. */
  parse(text: Uint8Array, origin: Origin, basePath: ByteString, layer = this.baseLayer): number {
    return this.#parse({ text, origin, basePath, layer, isBindings: false });
  }

  /**
   * As `parse`, of definitions as they are in a set (`a = 1; inherit b;`): the tree is that set's. The last semicolon may
   * be missing.
   */
  parseBindings(text: Uint8Array, origin: Origin, basePath: ByteString, layer: number): number {
    const source = { origin, basePath, layer, isBindings: true };
    try {
      return this.#parse({ ...source, text });
    } catch (error) {
      if (!(error instanceof EvalError && error.code === 'eval/syntax')) throw error;
    }
    return this.#parse({ ...source, text: Buffer.concat([text, Buffer.from(';')]), shown: text });
  }

  #parse({ text, shown = text, origin, basePath, layer, isBindings }: TextToParse): number {
    const { core } = this;
    // Two zero bytes follow, by which the lexer knows the end.
    const start = core.exports.allocate(text.byteLength + 2);
    core.memory.setBytes(start, text);
    const base = this.positions.add(origin, shown);
    const options = core.exports.allocate(parseOptionsSize);
    const { homePath } = this.#options;
    const lints = remarkKinds.filter(kind => this.#diagnose(kind) !== 'ignore');
    core.memory.setU32(options, core.newString(basePath));
    core.memory.setU32(options + 8, homePath === undefined ? 0 : core.newString(byteStringFromText(homePath)));
    core.memory.setU32(options + 12, base);
    core.memory.setU32(options + 16, this.hasFeature('pipe-operators') ? 1 : 0);
    core.memory.setU32(
      options + 20,
      lints.reduce((bits, kind) => bits | (1 << remarkKinds.indexOf(kind)), 0),
    );
    core.memory.setU32(options + 24, isBindings ? 1 : 0);
    try {
      const tree = core.exports.parseText(start, text.byteLength, options);
      core.exports.bindTree(tree, layer);
      this.debugger?.addTree({ start, tree, layer, file: origin.kind === 'file' ? origin.path : undefined });
      return tree;
    } catch (error) {
      throw error instanceof Refusal
        ? syntaxError(this, error, { start, length: text.byteLength, base, isBindings })
        : error;
    }
  }

  #diagnose(kind: RemarkKind): 'ignore' | 'warn' | 'fatal' {
    return kind === 'cursed-or' ? 'warn' : (this.#options.lints?.[lintSettings[kind]] ?? 'ignore');
  }

  #remark({ kind, start, end }: Remark): void {
    const text = this.positions.slice(start, end);
    const position = this.positions.resolve(start);
    if (kind === 'cursed-or') return this.warn(describeCursedOr(this.positions.format(start), text));
    const isFatal = this.#diagnose(kind) === 'fatal';
    const message = `${describeLiteral(kind, text, isFatal, mark)} (${bold}${lintSettings[kind]}${normal})`;
    if (isFatal) throw new EvalError('eval/syntax', message, { position });
    this.say({ kind: 'warning', text: message, position });
  }

  /** How deep calls may be within each other. */
  get maxCallDepth(): number {
    return this.#options.maxCallDepth ?? 10_000;
  }

  /** Whether `builtins.traceVerbose` shows anything. */
  get tracesVerbosely(): boolean {
    return this.#options.tracesVerbosely ?? false;
  }

  hasFeature(feature: ExperimentalFeature): boolean {
    return this.#options.features?.has(feature) ?? false;
  }

  /** Throws `eval/missing-feature` where the feature is not enabled, which is needed for `reason`. */
  requireFeature(feature: ExperimentalFeature, reason = ''): void {
    if (this.hasFeature(feature)) return;
    const why = reason === '' ? '' : ` (${reason})`;
    throw new EvalError(
      'eval/missing-feature',
      `experimental Nix feature '${mark(feature)}' is disabled${why}; add '--extra-experimental-features ${mark(feature)}' to enable it`,
    );
  }

  get abortsOnWarning(): boolean {
    return this.#options.abortsOnWarning ?? false;
  }

  get isReadOnly(): boolean {
    return this.#options.isReadOnly ?? false;
  }

  get importFromDerivation(): ImportFromDerivation {
    return this.#options.importFromDerivation ?? 'allowed';
  }

  /** Says something once, however many passes the evaluation takes. */
  say(message: EvalMessage): void {
    this.#passes.say(message);
  }

  warn(text: string): void {
    this.say({ kind: 'warning', text });
  }

  /** Throws `eval/restricted-path` for what a restricted evaluation may not fetch from. */
  checkUri(uri: string): void {
    const { purity, allowedUris = [] } = this.#options;
    if (purity !== 'restricted' || isAllowedUri(uri, allowedUris)) return;
    const path = uri.startsWith('file://') ? uri.slice('file://'.length) : uri;
    if (path.startsWith('/')) this.access?.check(canonicalPathOf(byteStringFromText(path)));
    else {
      throw new EvalError('eval/restricted-path', `access to URI '${mark(uri)}' is forbidden in restricted mode`);
    }
  }

  /** A word for the value of the file at `path`, which is read now and evaluated when it is needed. */
  delayFile(path: ByteString): Word {
    const text = this.files.read(path);
    const file = displayBytes(path);
    const tree = this.parse(text, { kind: 'file', path: file }, parentOf(path));
    this.#files.set(tree, file);
    return this.delay(tree);
  }

  /** A word for a tree's value, evaluated when it is needed. */
  delay(tree: number): Word {
    return this.core.receive(at => this.core.exports.thunkTo(tree, this.baseEnv, at));
  }

  /** Evaluates a tree that `parse` made, in weak head normal form. */
  evaluate(tree: number): Word {
    return this.run(() => this.core.receive(at => this.core.exports.evaluateTo(tree, this.baseEnv, at)));
  }

  force(word: Word, pos = 0): Word {
    return this.run(() => this.core.force(word, pos));
  }

  /** Evaluates all that a word contains. */
  forceDeep(word: Word): void {
    this.run(() => {
      const at = this.core.exports.allocate(8);
      setWordAt(this.core.memory, at, word);
      this.core.exports.forceDeepAt(at);
    });
  }

  print(word: Word, options: PrintOptions = {}): string {
    return printValue(this.errors.world, word, options);
  }

  /**
   * Calls into the core. An error takes its trace from the core's log, and what was being evaluated then has failed:
   * whoever asks for it again gets the same error. What a suspension ends can be done again in the next pass.
   */
  run<T>(work: () => T): T {
    const base = this.#logBase();
    try {
      return work();
    } catch (thrown) {
      const error = asEvalError(thrown);
      if (error !== undefined) {
        this.#passes.giveUp();
        const complete = this.errors.unwind(base, error);
        this.debugger?.markSeen(complete);
        throw complete;
      }
      if (thrown instanceof Suspension && this.#passes.isRunning) this.#suspend(base, thrown);
      else this.errors.forget(base);
      throw thrown;
    }
  }

  #suspend(base: LogBase, suspension: Suspension): void {
    const depth = this.core.exports.callDepthNow();
    const records = this.errors.suspend(base, suspension, (cell, thunk) => this.#passes.suspend(cell, thunk));
    this.#passes.addRecords(records, depth);
  }

  /** What goes wrong is forgotten: it goes wrong again when its turn comes. */
  #explore(work: () => void, depth: number): void {
    const { exports } = this.core;
    const base = this.#logBase();
    const output = exports.outputSize();
    exports.restoreLog(base.log, base.stack, depth);
    try {
      work();
    } catch (thrown) {
      if (!(thrown instanceof Suspension)) {
        if (asEvalError(thrown) === undefined) throw thrown;
        this.#passes.giveUp();
      }
      this.#suspend(base, thrown instanceof Suspension ? thrown : new Suspension());
    } finally {
      exports.truncateOutput(output);
      exports.restoreLog(base.log, base.stack, base.depth);
    }
  }

  /**
   * Does `work`. Where that suspends the evaluation, what comes after it is visited before the pass ends, for what it needs:
   * visiting must not do anything that anybody notices.
   */
  followedBy<T>(siblings: Siblings, work: () => T): T {
    try {
      return work();
    } catch (thrown) {
      if (thrown instanceof Suspension) this.#passes.addSiblings(siblings, this.core.exports.callDepthNow());
      throw thrown;
    }
  }

  /** Visits each of `items`, in order, each followed by those after it. */
  forEach<T>(items: readonly T[], visit: (item: T, index: number) => void): void {
    for (const [index, item] of items.entries()) {
      this.followedBy(siblingsAfter(items, index, visit), () => visit(item, index));
    }
  }

  /** As `forEach`, with what each visit returns. */
  mapEach<T, U>(items: readonly T[], visit: (item: T) => U): U[] {
    return items.map((item, index) => this.followedBy(siblingsAfter(items, index, visit), () => visit(item)));
  }

  /** What has to be done, too, if what goes on turns out to be as if it had not been begun. */
  ifGivenUp(undo: () => void): void {
    this.#passes.ifGivenUp(undo);
  }

  #logBase(): LogBase {
    const { exports } = this.core;
    return { log: exports.logTopNow(), stack: exports.stackTopNow(), depth: exports.callDepthNow() };
  }

  /**
   * Does `work` as far as it goes with what is known of the store. Where more is needed, `work` is to be done anew once
   * each of the needs has its `answer`; values that it came to stay, and what it said is not said again. `work` itself
   * must not mind to be begun more than once. Work that is done beside other has a state of its own.
   */
  pass<T>(work: () => T, state?: WorkState): Pass<T> {
    return this.#passes.run(() => this.run(work), state);
  }

  /** To be called where work with a state of its own is not gone on with. */
  finish(state: WorkState): void {
    this.#passes.finish(state);
  }

  /**
   * A word that `work` of `pass` makes when it is begun first and has again when it is begun anew: for cells, whose values
   * then stay. Not for what functions of the language do, of which not all are called again.
   */
  keep(make: () => Word): Word {
    return this.#passes.keep(make);
  }

  answer(need: EvalNeed, answer: NeedAnswer): void {
    this.#passes.answer(need, answer);
  }

  /** Has what was fetched, and files that were imported, be got anew when they are asked for again. */
  forgetFetched(): void {
    this.#passes.forgetTrees();
    this.importedFiles.clear();
  }

  /** Has messages call a tree in the store, whose path is printed, by where it comes from, where nothing else can be read. */
  showTree(path: ByteString, tree: ShownTree | undefined): void {
    if (tree !== undefined && this.access?.purity === 'pure') this.shownTrees.add(path, tree);
  }

  #shownFileOf(tree: number): string | undefined {
    const file = this.#files.get(tree);
    return file === undefined ? undefined : this.shownTrees.show(file);
  }

  isAnswered(need: EvalNeed): boolean {
    return this.#passes.isAnswered(need);
  }

  /** What is known of each of `needs`; suspends the evaluation where that is not all. */
  require(needs: readonly EvalNeed[]): NeedAnswer[] {
    return this.#passes.require(needs);
  }

  /** Entries of the search path, in order; none in pure evaluation. */
  get searchPath(): readonly { readonly prefix: string; readonly path: string }[] {
    return this.#options.purity === 'pure' ? [] : (this.#options.searchPath ?? []);
  }

  /**
   * Does `work`, which may be ended from outside without any `catch` of ours getting a turn. What was being evaluated
   * then is as if it had not been begun.
   */
  abandonable<T>(work: () => T): T {
    const base = this.#logBase();
    const forget = this.debugger?.remember();
    try {
      return work();
    } finally {
      if (this.core.exports.logTopNow() !== base.log) this.errors.forget(base);
      forget?.();
    }
  }

  /** What is found under a name that the search path does not have; nothing where not all files may be seen. */
  get library(): SearchPathEntry | undefined {
    const { library, purity } = this.#options;
    if (library === undefined || purity !== undefined) return undefined;
    return { prefix: byteStringFromText(library.prefix), path: byteStringFromText(library.path) };
  }

  /** The first file of the search path's for `name`. Throws `eval/throw`. */
  findOnSearchPath(name: ByteString): ByteString {
    const entries = this.searchPath.map(({ prefix, path }) => ({
      prefix: byteStringFromText(prefix),
      path: byteStringFromText(path),
    }));
    return this.files.find(entries, name);
  }

  /** As `fetchPlace` of fetch-place.ts. */
  fetchPlace(text: ByteString): ByteString {
    return fetchPlace(this, text);
  }

  /** A string of a value; errors of one that cannot become one say `text`. */
  coerceWithin(
    word: Word,
    text: string,
    flags: number = coerce.copy | coerce.canonical,
  ): { readonly text: ByteString; readonly context: number } {
    return this.core.coerce(word, flags, text);
  }

  findDerivation(path: StorePath): Derivation | undefined {
    const own = this.derivations.get(path) ?? this.#made.find(path);
    if (own !== undefined) return own;
    const [answer] = this.require([{ kind: 'derivation', path }]);
    if (answer?.kind === 'failed') throw answer.error;
    return answer?.kind === 'derivation' ? answer.derivation : undefined;
  }

  /** The derivation at `path`, and all that it needs. */
  closureOf(path: StorePath): StorePath[] {
    const found = new Set<StorePath>([path]);
    for (const member of found) {
      if (!isDerivationPath(member)) {
        const [answer] = this.require([{ kind: 'validity', path: member }]);
        for (const reference of answer?.kind === 'object' ? answer.references : []) found.add(reference);
        continue;
      }
      const derivation = this.findDerivation(member);
      if (derivation === undefined) continue;
      for (const source of derivation.inputSources) found.add(source);
      for (const input of derivation.inputDerivations.keys()) found.add(input);
    }
    return [...found];
  }

  /** A word for a builtin that expressions cannot name. */
  internalBuiltin(name: string): Word {
    const { core } = this;
    const id = hostBuiltins.findIndex(builtin => builtin.isInternal === true && builtin.name === name);
    const arity = hostBuiltins[id]?.arity;
    if (arity === undefined) throw new TypeError(`no internal builtin '${name}'`);
    return core.receive(at => core.exports.hostBuiltinTo(id, arity, at));
  }

  #builtinName(id: number): string {
    if (id >= firstHostBuiltin) return (hostBuiltins[id - firstHostBuiltin]?.name ?? '').replace(/^__/, '');
    const symbol = this.core.exports.builtinSymbol(id);
    return symbol === 0 ? '' : displayBytes(this.core.nameOf(symbol)).replace(/^__/, '');
  }
}

const firstHostBuiltin = 1024;
