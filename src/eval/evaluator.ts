import { type ByteString, FirnError, brandAs, byteStringFromText, displayBytes, suggest } from '../base/index.ts';
import { canonicalPathOf, parentOf } from './canonical-path.ts';
import { Core } from './core.ts';
import { coerce, frameKinds } from './core-exports.ts';
import { errorCodesByKind, formatTemplate, missingAttributeKind, unexpectedArgumentKind } from './core-errors.ts';
import { stringHeader } from './core-memory.ts';
import type { EvalIO } from './eval-io.ts';
import { EvalError, type TraceLine } from './eval-error.ts';
import { formatSixDigits } from './format-float.ts';
import { internalPath, readInternalFile } from './internal-files.ts';
import { type HostBuiltin, hostBuiltins } from './builtins/table.ts';
import { type Derivation, DerivationHasher, type StorePath, printStorePath } from '../nix-compat/index.ts';
import { type Origin, Positions } from './positions.ts';
import { describeType } from './describe-type.ts';
import { type PrintOptions, errorPrintOptions, lambdaNameOffset, printValue } from './value-printer.ts';
import { type Word, addressOf, floatOf, intOf, kindOf, setWordAt, wordOfBits } from './word.ts';

export interface EvaluatorOptions {
  readonly io: EvalIO;
  /** `builtins.currentSystem`; absent in pure evaluation. */
  readonly system?: string;
  /** Entries of the search path, in order. */
  readonly searchPath?: readonly { readonly prefix: string; readonly path: string }[];
  readonly maxCallDepth?: number;
  /** Whether errors say which functions were being called. */
  readonly showTrace?: boolean;
  readonly homePath?: string;
}

/** Evaluates Nix expressions. Its values live as long as it does. */
export class Evaluator {
  readonly core: Core;
  readonly io: EvalIO;
  readonly positions = new Positions();
  readonly options: EvaluatorOptions;
  readonly #builtins: readonly HostBuiltin[] = hostBuiltins;
  readonly #failures: EvalError[] = [];
  readonly baseEnv: number;
  readonly baseLayer: number;
  /** By path, as given and as resolved. */
  readonly importedFiles = new Map<ByteString, Word>();
  /** Those that this evaluation made. */
  readonly derivations = new Map<StorePath, Derivation>();
  readonly derivationHasher: DerivationHasher;
  readonly derivationSymbols: Readonly<Record<'ignoreNulls' | 'name' | 'outPath' | 'structuredAttrs' | 'toString', number>>;
  #resolved = { line: 0, column: 0 };

  constructor(options: EvaluatorOptions) {
    this.options = options;
    this.io = options.io;
    this.core = new Core(this.#imports());
    const { exports } = this.core;
    exports.setMaxCallDepth(options.maxCallDepth ?? 10_000);
    for (const [id, { name, arity }] of this.#builtins.entries()) {
      const text = this.core.newString(byteStringFromText(name));
      exports.declareHostBuiltin(text + stringHeader, name.length, id, arity);
    }
    this.derivationHasher = new DerivationHasher(options.io.storeDir, path => this.findDerivation(path));
    this.derivationSymbols = {
      ignoreNulls: this.core.internText('__ignoreNulls'),
      name: this.core.internText('name'),
      outPath: this.core.internText('outPath'),
      structuredAttrs: this.core.internText('__structuredAttrs'),
      toString: this.core.internText('__toString'),
    };
    this.#declareConstants();
    this.baseEnv = exports.finishStart();
    this.baseLayer = exports.newStaticLayer(0);
    for (let slot = 0; slot < exports.baseCount(); slot++) {
      exports.addStaticName(this.baseLayer, exports.baseName(slot), slot);
    }
    this.#declareDerivation();
  }

  /** The tree of a text, bound to the outermost names. Paths in it start from `basePath`. Throws `eval/syntax`. */
  parse(text: Uint8Array, origin: Origin, basePath: ByteString, layer = this.baseLayer): number {
    const { core } = this;
    // Two zero bytes follow, by which the lexer knows the end.
    const start = core.exports.allocate(text.byteLength + 2);
    core.memory.setBytes(start, text);
    const base = this.positions.add(origin, text);
    const options = core.exports.allocate(32);
    const { homePath } = this.options;
    core.memory.setU32(options, core.newString(basePath));
    core.memory.setU32(options + 8, homePath === undefined ? 0 : core.newString(byteStringFromText(homePath)));
    core.memory.setU32(options + 12, base);
    const tree = core.exports.parseText(start, text.byteLength, options);
    core.exports.bindTree(tree, layer);
    return tree;
  }

  /** Evaluates a tree that `parse` made, in weak head normal form. */
  evaluate(tree: number): Word {
    return this.run(() => this.core.receive(at => this.core.exports.evaluateTo(tree, this.baseEnv, at)));
  }

  /** A word for the value of the file at `path`, which is read and evaluated when it is needed. */
  delayFile(path: ByteString): Word {
    const text = readInternalFile(path) ?? this.io.readFile(path);
    return this.delay(this.parse(text, { kind: 'file', path: displayBytes(path) }, parentOf(path)));
  }

  /** A number for a text that records of the log refer to. */
  textNumber(text: string): number {
    let number = this.#textNumbers.get(text);
    if (number === undefined) {
      number = this.#texts.push(text) - 1;
      this.#textNumbers.set(text, number);
    }
    return number;
  }

  readonly #texts: string[] = [];
  readonly #textNumbers = new Map<string, number>();

  /** The error of a value that is not `expected`. */
  typeError(expected: string, value: Word): EvalError {
    const type = describeType(this.core.memory, value, id => this.#builtinName(id));
    const shown = this.print(value, errorPrintOptions);
    return new EvalError('eval/type', `expected ${expected} but found ${magenta}${type}${normal}: ${shown}`);
  }

  /** An error that names the type of a value in place of `%t`. */
  typeErrorOf(template: string, value: Word): EvalError {
    const type = describeType(this.core.memory, value, id => this.#builtinName(id));
    return new EvalError('eval/type', template.replace('%t', `${magenta}${type}${normal}`));
  }

  /** A string of a value; while that goes on, errors say `text`. */
  coerceWithin(word: Word, text: string, flags: number = coerce.copy | coerce.canonical) {
    this.core.exports.push(frameKinds.hostText, 0, this.textNumber(text), 0);
    const string = this.core.coerce(word, flags);
    this.core.exports.pop();
    return string;
  }

  findDerivation(path: StorePath): Derivation | undefined {
    return this.derivations.get(path) ?? this.io.readDerivation(path);
  }

  /** The derivation at `path`, and all that it needs. */
  closureOf(path: StorePath): StorePath[] {
    const found = new Set<StorePath>([path]);
    for (const member of found) {
      const derivation = this.findDerivation(member);
      if (derivation === undefined) continue;
      for (const source of derivation.inputSources) found.add(source);
      for (const input of derivation.inputDerivations.keys()) found.add(input);
    }
    return [...found];
  }

  /** What a path leads to: all symlinks, or those of its folders alone. */
  resolveSymlinks(path: ByteString, which: 'full' | 'ancestors' = 'full'): ByteString {
    let done = '';
    const left = path.split('/').filter(part => part !== '');
    for (let links = 0; left.length > 0;) {
      const part = left.shift() ?? '';
      if (part === '..') {
        done = done.slice(0, Math.max(0, done.lastIndexOf('/')));
        continue;
      }
      const next = brandAs<ByteString>(`${done}/${part}`);
      if (part === '.' || (which === 'ancestors' && left.length === 0)) {
        if (part !== '.') done = next;
        continue;
      }
      const target = this.#linkTarget(next);
      if (target === undefined) {
        done = next;
        continue;
      }
      if (++links > maxLinks) throw new EvalError('eval/error', `infinite symlink recursion in path '${displayBytes(path)}'`);
      if (target.startsWith('/')) done = '';
      left.unshift(...target.split('/').filter(name => name !== ''));
    }
    return brandAs<ByteString>(done === '' ? '/' : done);
  }

  readonly #links = new Map<ByteString, ByteString | undefined>();

  #linkTarget(path: ByteString): ByteString | undefined {
    if (this.#links.has(path)) return this.#links.get(path);
    const target = this.io.stat(path)?.type === 'symlink' ? this.io.readLink(path) : undefined;
    this.#links.set(path, target);
    return target;
  }

  /** The first file that an entry of the search path has for `name`. */
  findFile(
    search: readonly { readonly prefix: ByteString; readonly path: ByteString }[],
    name: ByteString,
  ): ByteString {
    for (const { prefix, path } of search) {
      const rest = restAfter(prefix, name);
      if (rest === undefined) continue;
      const found = canonicalPathOf(brandAs<ByteString>(`${path}/${rest}`));
      if (this.io.stat(this.resolveSymlinks(found)) !== undefined) return found;
    }
    const internal = internalPath(name);
    if (internal !== undefined) return internal;
    throw new EvalError(
      'eval/throw',
      `file '${displayBytes(name)}' was not found in the Nix search path (add it using $NIX_PATH or -I)`,
    );
  }

  /** A word for a tree's value, evaluated when it is needed. */
  delay(tree: number): Word {
    return this.core.receive(at => this.core.exports.thunkTo(tree, this.baseEnv, at));
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
    return printValue(
      {
        memory: this.core.memory,
        nameOf: symbol => this.core.nameOf(symbol),
        builtinName: id => this.#builtinName(id),
        place: position => this.#place(position),
        attributes: attrs =>
          this.core.attributes(attrs).map(({ symbol, word: value }) => ({ name: this.core.nameOf(symbol), word: value })),
      },
      word,
      options,
    );
  }

  /**
   * Calls into the core. An error takes its trace from the core's log, and what was being evaluated then has failed:
   * whoever asks for it again gets the same error.
   */
  run<T>(work: () => T): T {
    const { exports } = this.core;
    const log = exports.logTopNow();
    const stack = exports.stackTopNow();
    const depth = exports.callDepthNow();
    try {
      return work();
    } catch (thrown) {
      const error = this.#asEvalError(thrown);
      const traces = this.#unwind(log, error);
      exports.restoreLog(log, stack, depth);
      if (error === undefined) throw thrown;
      const complete = error.within(this.#traceLines(traces));
      if (error !== complete) this.#failures[this.#failures.length - 1] = complete;
      throw complete;
    }
  }

  #asEvalError(thrown: unknown): EvalError | undefined {
    if (thrown instanceof EvalError) return thrown;
    if (thrown instanceof RangeError) {
      return new EvalError('eval/stack-overflow', 'stack overflow (possible infinite recursion)');
    }
    if (thrown instanceof FirnError) return new EvalError('eval/error', thrown.message);
    return undefined;
  }

  /** Takes the records above `base` off the log; returns them, innermost first. */
  #unwind(base: number, error: EvalError | undefined): Frame[] {
    const { exports, memory } = this.core;
    const frames: Frame[] = [];
    const failure = error === undefined ? undefined : this.#failures.push(error) - 1;
    for (let at = exports.logTopNow() - frameSize; at >= base; at -= frameSize) {
      const frame = { kind: memory.u32(at), pos: memory.u32(at + 4), a: memory.u32(at + 8), b: memory.u32(at + 12) };
      if (frame.kind !== frameKinds.cell) frames.push(frame);
      else if (failure !== undefined) exports.failCell(frame.pos, failure);
      else setWordAt(memory, frame.pos, { low: frame.a, high: frame.b });
    }
    return frames;
  }

  /** Outermost first. */
  #traceLines(frames: readonly Frame[]): TraceLine[] {
    const lines: TraceLine[] = [];
    for (const frame of frames) this.#addTraceLines(frame, lines);
    return lines.reverse();
  }

  #addTraceLines({ kind, pos, a, b }: Frame, lines: TraceLine[]): void {
    const { memory } = this.core;
    const line = (text: string, at: number, always = false) =>
      lines.push({ text, position: this.positions.resolve(at), always });
    switch (kind) {
      case frameKinds.lambda:
        if (this.options.showTrace !== true) return;
        line(`while calling ${this.#lambdaName(a)}`, memory.u32(a + 4));
        if (pos !== 0) line('from call site', pos);
        return;
      case frameKinds.builtin: {
        const name = this.#builtinName(a);
        if (name !== 'addErrorContext') line(`while calling the '${magenta}${name}${normal}' builtin`, pos);
        return;
      }
      case frameKinds.select:
        if (this.#isInternal(pos)) return;
        line(`while evaluating the attribute '${magenta}${this.#selection(a)}${normal}'`, pos);
        return;
      case frameKinds.text: {
        const template = memory.text(a);
        if (template === '' || (template === 'from call site' && pos === 0)) return;
        line(this.#format(template, BigInt(b), 0n), pos);
        return;
      }
      case frameKinds.hostText: {
        const text = this.#texts[a] ?? '';
        if (text !== '') line(text, pos);
        return;
      }
      case frameKinds.derivation: {
        const name = displayBytes(memory.string(a));
        const where = `  whose name attribute is located at ${magenta}${this.#place(pos)}${normal}`;
        line(`while evaluating derivation '${magenta}${name}${normal}'\n${where}`, 0);
        return;
      }
      case frameKinds.derivationAttribute: {
        const attribute = `${magenta}${displayBytes(this.core.nameOf(a))}${normal}`;
        const derivation = `${magenta}${displayBytes(memory.string(b))}${normal}`;
        line(`while evaluating attribute '${attribute}' of derivation '${derivation}'`, pos);
        return;
      }
      case frameKinds.message: {
        const { text } = this.core.coerce({ low: a, high: b }, coerce.canonical);
        line(`${normal}${displayBytes(text)}`, 0, true);
        return;
      }
      default:
    }
  }

  #lambdaName(node: number): string {
    const name = this.core.memory.u32(node + lambdaNameOffset);
    return name === 0 ? 'anonymous lambda' : `'${magenta}${displayBytes(this.core.nameOf(name))}${normal}'`;
  }

  /** `a.b.c` of a SelectNode; what is computed is shown as it is written. */
  #selection(node: number): string {
    const { memory } = this.core;
    const count = memory.u32(node + 12);
    const elements = memory.u32(node + 16);
    const names = Array.from({ length: count }, (_, index) => {
      const element = elements + index * 24;
      const symbol = memory.u32(element);
      if (symbol !== 0) return displayBytes(this.core.nameOf(symbol));
      return `"\${${this.#expression(memory.u32(element + 4))}}"`;
    });
    return names.join('.');
  }

  #isInternal(pos: number): boolean {
    const origin = this.positions.origin(pos);
    return origin?.kind === 'text' && origin.name === derivationOrigin;
  }

  #expression(node: number): string {
    const { exports, memory } = this.core;
    const before = exports.outputSize();
    exports.printTree(node);
    const text = memory.bytes(exports.outputStart() + before, exports.outputSize() - before).toString();
    exports.truncateOutput(before);
    return text;
  }

  #place(position: number): string {
    const resolved = this.positions.resolve(position);
    return resolved === undefined ? '' : `${resolved.file}:${resolved.line}:${resolved.column}`;
  }

  #builtinName(id: number): string {
    const name = id >= firstHostBuiltin ? this.#builtins[id - firstHostBuiltin]?.name : coreBuiltinName(id);
    return (name ?? '').replace(/^__/, '');
  }

  #format(template: string, a: bigint, b: bigint): string {
    const { core } = this;
    const { memory } = core;
    return formatTemplate(template, a, b, {
      type: word => describeType(memory, wordOfBits(word), id => this.#builtinName(id)),
      value: word => this.print(wordOfBits(word), errorPrintOptions),
      name: symbol => core.nameOf(symbol),
      string: address => memory.string(address),
      int: word => String(intOf(memory, core.force(wordOfBits(word)))),
      float: word => String(floatOf(memory, core.force(wordOfBits(word)))),
      expression: node => this.#expression(node),
      place: position => this.#place(position),
      contextElement: string => displayContextElement(core.context(memory.contextOf(string))[0], this.io.storeDir),
      lambda: node => {
        const name = memory.u32(node + lambdaNameOffset);
        return name === 0 ? 'anonymous lambda' : displayBytes(core.nameOf(name));
      },
    });
  }

  #fail(kind: number, pos: number, template: number, a: bigint, b: bigint): never {
    const message = this.#format(this.core.memory.text(template), BigInt.asUintN(64, a), BigInt.asUintN(64, b));
    throw new EvalError(errorCodesByKind[kind] ?? 'eval/error', message, {
      position: this.positions.resolve(pos),
      suggestions: this.#suggestions(kind, a, b),
    });
  }

  #suggestions(kind: number, a: bigint, b: bigint): readonly string[] {
    const { core } = this;
    const wanted = () => displayBytes(core.nameOf(Number(b)));
    if (kind === missingAttributeKind) {
      const attributes = core.attributes(addressOf(wordOfBits(a)));
      return suggest(
        attributes.map(({ symbol }) => displayBytes(core.nameOf(symbol))),
        wanted(),
      );
    }
    if (kind !== unexpectedArgumentKind) return [];
    const lambda = Number(a);
    const count = core.memory.u32(lambda + 16);
    const formals = core.memory.u32(lambda + 20);
    const names = Array.from({ length: count }, (_, index) => core.nameOf(core.memory.u32(formals + index * 16)));
    return suggest(names.map(displayBytes), wanted());
  }

  #tryForce(at: number): boolean {
    const word = { low: this.core.memory.u32(at), high: this.core.memory.u32(at + 4) };
    try {
      this.run(() => this.core.force(word));
      return true;
    } catch (error) {
      if (error instanceof EvalError && (error.code === 'eval/throw' || error.code === 'eval/assertion')) return false;
      throw error;
    }
  }

  #declareConstants(): void {
    const { core } = this;
    const declare = (name: string, word: Word) => {
      const text = core.newString(byteStringFromText(name));
      const at = core.exports.allocate(8);
      setWordAt(core.memory, at, word);
      core.exports.declareConstant(text + stringHeader, name.length, at);
    };
    const text = (value: string) => core.string(byteStringFromText(value));
    declare('true', { low: 23, high: 0 });
    declare('false', { low: 15, high: 0 });
    declare('null', { low: 7, high: 0 });
    declare('__currentTime', core.int(BigInt(Math.floor(Date.now() / 1000))));
    if (this.options.system !== undefined) declare('__currentSystem', text(this.options.system));
    declare('__nixVersion', text('2.34.8'));
    declare('__storeDir', text(this.io.storeDir));
    declare('__langVersion', core.int(6n));
    const entries = (this.options.searchPath ?? []).map(({ prefix, path }) =>
      core.set([
        [byteStringFromText('path'), text(path)],
        [byteStringFromText('prefix'), text(prefix)],
      ]),
    );
    declare('__nixPath', core.list(entries));
    this.#derivationCell = core.exports.allocate(8);
    declare('derivation', { low: this.#derivationCell, high: 0 });
  }

  #derivationCell = 0;

  /** `derivation` is itself a function in the language: what it makes is computed when it is asked for. */
  #declareDerivation(): void {
    const text = this.core.textBytes(derivationText);
    const tree = this.parse(text, { kind: 'text', name: derivationOrigin }, brandAs<ByteString>('/'));
    setWordAt(this.core.memory, this.#derivationCell, { low: tree, high: this.baseEnv });
  }

  #imports() {
    const { io } = this;
    return {
      env: { abort: () => fault('the core has aborted') },
      host: {
        outOfMemory: () => {
          throw new EvalError('eval/out-of-memory', 'the evaluation needs more than 4 GiB of memory');
        },
        stackOverflow: (pos: number) => {
          const position = this.positions.resolve(pos);
          throw new EvalError('eval/stack-overflow', 'stack overflow; max-call-depth exceeded', { position });
        },
        fail: (kind: number, pos: number, template: number, a: bigint, b: bigint) => this.#fail(kind, pos, template, a, b),
        throwDifference: () => {
          throw new EvalError('eval/assertion', 'values differ');
        },
        throwNameDifference: () => {
          throw new EvalError('eval/assertion', 'names differ');
        },
        rethrow: (failure: number) => {
          throw this.#failures[failure] ?? fault('a failure that is not known');
        },
        copyToStore: (path: number) => this.#copyToStore(path),
        formatFloat: (value: number) => this.core.newString(byteStringFromText(formatSixDigits(value))),
        canonicalPath: (text: number) => this.core.newString(canonicalPathOf(this.core.memory.string(text))),
        callHost: (id: number, args: number) => {
          const builtin = this.#builtins[id] ?? fault(`no builtin ${id}`);
          setWordAt(this.core.memory, this.core.exports.resultAddress(), builtin.call(this, args));
        },
        trace: (word: bigint) => {
          const value = wordOfBits(word);
          const isString = kindOf(this.core.memory, value) === 'string';
          const text = isString ? displayBytes(this.core.memory.string(addressOf(value))) : this.print(value);
          io.say('trace', text);
        },
        warn: (message: number) => io.say('warning', displayBytes(this.core.memory.string(message))),
        resolvePosition: (pos: number) => {
          const origin = this.positions.origin(pos);
          const position = this.positions.resolve(pos);
          if (origin?.kind !== 'file' || position === undefined) return 0;
          this.#resolved = position;
          return this.core.newString(byteStringFromText(origin.path));
        },
        resolvedLine: () => this.#resolved.line,
        resolvedColumn: () => this.#resolved.column,
        tryForce: (at: number) => (this.#tryForce(at) ? 1 : 0),
      },
      'syntax-host': {
        refuse: (kind: number, pos: number, other: number, text: number) => {
          const about = text === 0 ? '' : ` ${displayBytes(this.core.memory.string(text))}`;
          throw new EvalError('eval/syntax', `syntax error ${kind}${about}`, {
            position: this.positions.resolve(pos) ?? this.positions.resolve(other),
          });
        },
        remark: () => {},
        parseFloat64: (bytes: number, length: number) => Number(this.core.memory.bytes(bytes, length).toString('latin1')),
        formatShortFloat: (value: number) => this.core.newString(byteStringFromText(String(value))),
      },
    };
  }

  readonly #copied = new Map<ByteString, number>();

  /** The StringObject of a path's store path, with its context; each path is copied once. */
  #copyToStore(pathObject: number): number {
    const path = this.core.memory.string(this.core.memory.u32(pathObject + 8));
    const known = this.#copied.get(path);
    if (known !== undefined) return known;
    const name = displayBytes(path).replace(/^.*\//s, '');
    const storePath = this.io.addPath({ path, name, method: 'nar' });
    const printed = printStorePath(this.io.storeDir, storePath);
    const string = this.core.newString(printed, this.core.newContext([brandAs<ByteString>(storePath)]));
    this.#copied.set(path, string);
    return string;
  }
}

interface Frame {
  readonly kind: number;
  readonly pos: number;
  readonly a: number;
  readonly b: number;
}

/** What is left of `name` after `prefix`; undefined where that is no beginning of its parts. */
function restAfter(prefix: ByteString, name: ByteString): string | undefined {
  if (prefix === '') return name;
  if (name === prefix) return '';
  return name.startsWith(`${prefix}/`) ? name.slice(prefix.length) : undefined;
}

const maxLinks = 1024;
const frameSize = 16;
const firstHostBuiltin = 1024;
const magenta = '\u001B[35;1m';
const normal = '\u001B[0m';
const derivationOrigin = '«nix-internal»/derivation-internal.nix';

const derivationText = `
attributes@{ outputs ? [ "out" ], ... }:
let
  strict = derivationStrict attributes;
  common = attributes // builtins.listToAttrs byName // {
    all = map (output: output.value) byName;
    drvAttrs = attributes;
  };
  byName = map (outputName: {
    name = outputName;
    value = common // {
      outPath = builtins.getAttr outputName strict;
      drvPath = strict.drvPath;
      type = "derivation";
      inherit outputName;
    };
  }) outputs;
in (builtins.head byName).value
`;

function fault(message: string): never {
  throw new Error(message);
}

function displayContextElement(element: ByteString | undefined, storeDir: string): string {
  return element === undefined ? '' : `${storeDir}/${displayBytes(element)}`;
}

function coreBuiltinName(id: number): string {
  return `builtin ${id}`;
}
