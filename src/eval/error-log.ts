import { type ByteString, type TraceLine, displayBytes, suggest } from '../base/index.ts';
import { formatShortFloat } from '../syntax/index.ts';
import type { Core } from './core.ts';
import { type LogBase, firstSiblingKind, frameKinds, frameSize } from './core-exports.ts';
import {
  type TemplateWords,
  errorCodesByKind,
  formatTemplate,
  missingAttributeKind,
  unexpectedArgumentKind,
} from './core-errors.ts';
import { describeType } from './describe-type.ts';
import { EvalError } from './eval-error.ts';
import { describeDifference } from './describe-difference.ts';
import type { Suspension } from './needs.ts';
import type { Positions } from './positions.ts';
import { errorPrintOptions, lambdaNameOffset, printValue, type PrintedWorld, quoteName } from './value-printer.ts';
import { type Word, addressOf, floatOf, intOf, setWordAt, wordOfBits } from './word.ts';

export const magenta = '\u001B[35;1m';
export const normal = '\u001B[0m';

/** What the host's own part of the library is called in positions; selections in it are no part of a trace. */
export const internalOrigin = '«nix-internal»/derivation-internal.nix';

export interface ErrorLogOptions {
  readonly core: Core;
  readonly positions: Positions;
  readonly storeDir: string;
  readonly builtinName: (id: number) => string;
  /** The file whose tree a node is the root of. */
  readonly fileOf: (tree: number) => string | undefined;
  /** What messages call a path. */
  readonly showPath: (path: string) => string;
  /** The string of a word, evaluated on its own. */
  readonly coerceMessage: (word: Word) => ByteString;
  /** Whether calls of functions are part of a trace. */
  readonly showTrace: boolean;
  /** Called for each call that is looked at and comes to an end without returning. */
  readonly onCallLeft?: ((pos: number) => void) | undefined;
}

/** A record of the log (src/core/log.ts). */
export interface Frame {
  readonly kind: number;
  readonly pos: number;
  readonly a: number;
  readonly b: number;
}

/** Makes errors of what the core says: their texts, and their traces from its log (src/core/log.ts). */
export class ErrorLog {
  readonly #options: ErrorLogOptions;
  readonly #world: PrintedWorld;
  readonly #words: TemplateWords;
  readonly #texts: string[] = [];
  readonly #textNumbers = new Map<string, number>();
  readonly #failures: (EvalError | Suspension)[] = [];
  /** The number of what is thrown for cells that were suspended: all the same. */
  #suspensions: number | undefined;

  constructor(options: ErrorLogOptions) {
    this.#options = options;
    const { core, positions, builtinName, showPath } = options;
    this.#world = {
      memory: core.memory,
      nameOf: symbol => core.nameOf(symbol),
      builtinName,
      place: position => positions.format(position),
      showPath,
      attributes: attrs => core.attributes(attrs).map(({ symbol, word }) => ({ name: core.nameOf(symbol), word })),
    };
    this.#words = {
      type: word => this.describe(wordOfBits(word)),
      value: word => printValue(this.#world, wordOfBits(word), errorPrintOptions),
      name: symbol => quoteName(core.nameOf(symbol)),
      string: address => core.memory.string(address),
      int: word => String(intOf(core.memory, wordOfBits(word))),
      float: word => formatShortFloat(floatOf(core.memory, wordOfBits(word))),
      expression: node => core.printTree(node),
      place: position => positions.format(position),
      contextElement: string => {
        const [element] = core.context(core.memory.contextOf(string));
        return element === undefined ? '' : displayContextElement(element, options.storeDir);
      },
      lambda: node => this.#lambdaName(node) ?? 'anonymous lambda',
    };
  }

  get world(): PrintedWorld {
    return this.#world;
  }

  /** What messages call a value's type. */
  describe(value: Word): string {
    return describeType(this.#options.core.memory, value, this.#options.builtinName);
  }

  /** The error that the core throws: a kind, a template and the words that this mentions. */
  errorOf(kind: number, pos: number, template: number, words: readonly [bigint, bigint]): EvalError {
    const [a, b] = words;
    const { core, positions } = this.#options;
    const message = formatTemplate(core.memory.text(template), a, b, this.#words);
    return new EvalError(errorCodesByKind[kind] ?? 'eval/error', message, {
      position: positions.resolve(pos),
      suggestions: this.#suggestions(kind, a, b),
    });
  }

  #suggestions(kind: number, a: bigint, b: bigint): readonly string[] {
    const { core } = this.#options;
    const wanted = () => displayBytes(core.nameOf(Number(b)));
    if (kind === missingAttributeKind) {
      const attributes = core.attributes(addressOf(wordOfBits(a)));
      const names = attributes.map(({ symbol }) => displayBytes(core.nameOf(symbol)));
      return suggest(names, wanted());
    }
    if (kind !== unexpectedArgumentKind) return [];
    return suggest(core.formals(Number(a)).map(displayBytes), wanted());
  }

  /** The error of an assertion that two values are equal, which they are not. */
  difference(a: Word, b: Word): EvalError {
    const [x, y] = [a, b].map(word => printValue(this.#world, word, errorPrintOptions));
    const [typeA, typeB] = [a, b].map(word => this.describe(word));
    return new EvalError(
      'eval/assertion',
      describeDifference(this.#options.core.memory, [a, b], {
        values: [x ?? '', y ?? ''],
        types: [typeA ?? '', typeB ?? ''],
      }),
    );
  }

  /** The same of two sets, of which only one has the attribute. */
  nameDifference(isLeft: boolean, symbol: number, sets: readonly [Word, Word]): EvalError {
    const name = mark(quoteName(this.#options.core.nameOf(symbol)));
    const [left = '', right = ''] = sets.map(word => printValue(this.#world, word, errorPrintOptions));
    const message = isLeft
      ? `attribute name '${name}' is contained in '${left}', but not in '${right}'`
      : `attribute name '${name}' is missing in '${left}', but is contained in '${right}'`;
    return new EvalError('eval/assertion', message);
  }

  /** The error of a value that is not `expected`. */
  typeError(expected: string, value: Word): EvalError {
    const shown = printValue(this.#world, value, errorPrintOptions);
    return new EvalError('eval/type', `expected ${expected} but found ${mark(this.describe(value))}: ${shown}`);
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

  /** What was thrown for a cell before. */
  failure(number: number): EvalError | Suspension {
    const failure = this.#failures[number];
    if (failure === undefined) throw new TypeError(`no failure has the number ${number}`);
    return failure;
  }

  /**
   * Takes the records above `base` off the log: cells that were being evaluated have failed with the error. Returns it
   * with its trace.
   */
  unwind(base: LogBase, error: EvalError): EvalError {
    const failure = this.#failures.push(error) - 1;
    const frames = this.#takeFrames(base, ({ pos: cell }) => this.#options.core.exports.failCell(cell, failure));
    const complete = this.#complete(error, frames);
    this.#failures[failure] = complete;
    return complete;
  }

  /** Takes the records above `base` off the log: cells that were being evaluated become what they were. */
  forget(base: LogBase): void {
    this.#takeFrames(base, ({ pos: cell, a: low, b: high }) => {
      setWordAt(this.#options.core.memory, cell, { low, high });
    });
  }

  /**
   * As `forget`, for cells that `note` is told of: they throw the suspension until they become what they were. Returns the
   * records of what was gone through one after the other, the innermost first.
   */
  suspend(base: LogBase, suspension: Suspension, note: (cell: number, thunk: Word) => void): Frame[] {
    const frames = this.#takeFrames(base, ({ pos: cell, a: low, b: high }) => {
      note(cell, { low, high });
      this.suspendCell(cell, suspension);
    });
    return frames.filter(({ kind }) => kind >= firstSiblingKind);
  }

  /** Has whoever forces a cell meet a suspension. */
  suspendCell(cell: number, suspension: Suspension): void {
    this.#suspensions ??= this.#failures.push(suspension) - 1;
    this.#options.core.exports.failCell(cell, this.#suspensions);
  }

  /** The records above `base` but for those of cells that are no whole file, the innermost first. */
  #takeFrames(base: LogBase, settle: (cell: Frame) => void): Frame[] {
    const { exports, memory } = this.#options.core;
    const frames: Frame[] = [];
    for (let at = exports.logTopNow() - frameSize; at >= base.log; at -= frameSize) {
      const frame = { kind: memory.u32(at), pos: memory.u32(at + 4), a: memory.u32(at + 8), b: memory.u32(at + 12) };
      if (frame.kind === frameKinds.observed) this.#options.onCallLeft?.(frame.pos);
      const isCell = frame.kind === frameKinds.cell;
      if (!isCell || this.#options.fileOf(frame.a) !== undefined) frames.push(frame);
      if (isCell) settle(frame);
    }
    exports.restoreLog(base.log, base.stack, base.depth);
    return frames;
  }

  /** The error with the lines of frames, which come with the innermost first. */
  #complete(error: EvalError, frames: readonly Frame[]): EvalError {
    const { positions } = this.#options;
    let found = error;
    // The innermost first, too.
    let lines: TraceLine[] = [];
    for (const frame of frames) {
      let texts: FrameText[];
      try {
        texts = this.#describeFrame(frame);
      } catch (thrown) {
        // A message that the program computes (`addErrorContext`): its error takes the other's place.
        if (!(thrown instanceof EvalError)) throw thrown;
        found = thrown;
        lines = [];
        continue;
      }
      for (const { text, pos, always = false } of texts) {
        lines.push({ text, position: positions.resolve(pos), always });
      }
    }
    return found.within(lines.toReversed());
  }

  #describeFrame({ kind, pos, a, b }: Frame): FrameText[] {
    const { core, builtinName, positions } = this.#options;
    const { memory } = core;
    switch (kind) {
      // Of a whole file, or it would not be here.
      case frameKinds.cell:
        return [{ text: `while evaluating the file '${mark(this.#options.fileOf(a) ?? '')}':`, pos: 0 }];
      case frameKinds.lambda:
        return this.#describeCall(a, pos);
      case frameKinds.builtin: {
        const name = builtinName(a);
        return name === 'addErrorContext' ? [] : [{ text: `while calling the '${mark(name)}' builtin`, pos }];
      }
      case frameKinds.select: {
        const origin = positions.origin(pos);
        if (origin?.kind === 'text' && origin.name === internalOrigin) return [];
        return [{ text: `while evaluating the attribute '${mark(this.describeSelection(a))}'`, pos }];
      }
      case frameKinds.text: {
        const template = memory.text(a);
        const isEmpty = template === '' || (template === 'from call site' && pos === 0);
        return isEmpty ? [] : [{ text: formatTemplate(template, BigInt(b), 0n, this.#words), pos }];
      }
      case frameKinds.hostText: {
        const text = this.#texts[a] ?? '';
        return text === '' ? [] : [{ text, pos }];
      }
      case frameKinds.message: {
        const text = this.#options.coerceMessage({ low: a, high: b });
        return [{ text: `${normal}${displayBytes(text)}`, pos: 0, always: true }];
      }
      case frameKinds.derivation: {
        const name = mark(displayBytes(memory.string(a)));
        const place = mark(positions.format(pos));
        return [
          { text: `while evaluating derivation '${name}'\n  whose name attribute is located at ${place}`, pos: 0 },
        ];
      }
      case frameKinds.derivationAttribute: {
        const attribute = mark(quoteName(core.nameOf(a)));
        const derivation = mark(displayBytes(memory.string(b)));
        return [{ text: `while evaluating attribute '${attribute}' of derivation '${derivation}'`, pos }];
      }
      default:
        return [];
    }
  }

  /** Innermost first. */
  #describeCall(node: number, pos: number): FrameText[] {
    if (!this.#options.showTrace) return [];
    const name = this.#lambdaName(node);
    const call = {
      text: `while calling ${mark(name === undefined ? 'anonymous lambda' : `'${name}'`)}`,
      pos: this.#options.core.memory.u32(node + 4),
    };
    return pos === 0 ? [call] : [call, { text: 'from call site', pos }];
  }

  /** How traces call a function: the LambdaNode's name, set off. */
  describeLambda(node: number): string {
    const name = this.#lambdaName(node);
    return mark(name === undefined ? 'anonymous lambda' : `'${name}'`);
  }

  #lambdaName(node: number): string | undefined {
    const { core } = this.#options;
    const name = core.memory.u32(node + lambdaNameOffset);
    return name === 0 ? undefined : displayBytes(core.nameOf(name));
  }

  /** `a.b.c` of a SelectNode; what is computed is shown as it is written. */
  describeSelection(node: number): string {
    const { core } = this.#options;
    return core
      .attributePath(node)
      .map(({ symbol, expression }) =>
        symbol === 0 ? `"\${${core.printTree(expression)}}"` : quoteName(core.nameOf(symbol)),
      )
      .join('.');
  }
}

interface FrameText {
  readonly text: string;
  readonly pos: number;
  readonly always?: boolean;
}

export function mark(text: string): string {
  return `${magenta}${text}${normal}`;
}

/** As messages show it: with the store directory, outputs behind the derivation. */
export function displayContextElement(element: ByteString, storeDir: string): string {
  if (element.startsWith('=')) return `${storeDir}/${displayBytes(element).slice(1)} (deep)`;
  const parts = displayBytes(element).split('!');
  const outputs = parts.slice(1, -1).toReversed();
  return [`${storeDir}/${parts.at(-1) ?? ''}`, ...outputs].join('^');
}
