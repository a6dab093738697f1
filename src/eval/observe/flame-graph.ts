import { type ByteString, displayBytes } from '../../base/index.ts';
import { EvalError } from '../eval-error.ts';
import type { Evaluator } from '../evaluator.ts';
import { Suspension } from '../needs.ts';
import { lambdaNameOffset } from '../value-printer.ts';
import { addressOf, kindOf, resolved, wordAt } from '../word.ts';
import type { CallObserver, ObservedCall } from './call-observer.ts';

export interface FlameGraphOptions {
  /** Nanoseconds from one sample to the next; 0 for a sample at each call. */
  readonly period: bigint;
  /** Gets `frame;frame;frame count` for each stack of calls that was sampled, the outermost first. */
  readonly write: (line: string) => void;
}

/** Stacks are written out, and forgotten, so often: long evaluations have many. In nanoseconds. */
const writingInterval = 2_000_000_000n;

/** Samples the stack of calls, for flame graphs (`eval-profiler`). */
export class FlameGraph implements CallObserver {
  readonly #evaluator: Evaluator;
  readonly #options: FlameGraphOptions;
  readonly #stack: ObservedFrame[] = [];
  readonly #counts = new Map<string, number>();
  #sampled = process.hrtime.bigint();
  #written = this.#sampled;

  constructor(evaluator: Evaluator, options: FlameGraphOptions) {
    this.#evaluator = evaluator;
    this.#options = options;
  }

  entered(call: ObservedCall): void {
    this.#stack.push(this.#frameOf(call));
    const now = process.hrtime.bigint();
    if (now - this.#sampled > this.#options.period) {
      const stack = this.#stack.map(one => (one.text ??= one.describe())).join(';');
      this.#counts.set(stack, (this.#counts.get(stack) ?? 0) + 1);
      this.#sampled = now;
    }
    if (now - this.#written < writingInterval) return;
    this.write();
    this.#written = process.hrtime.bigint();
  }

  left(): void {
    this.#stack.pop();
  }

  /** Writes what was sampled and not written yet. */
  write(): void {
    for (const [stack, count] of this.#counts) this.#options.write(`${stack} ${count}`);
    this.#counts.clear();
  }

  /** What is known of the callee now; most frames are never described. */
  #frameOf({ callee, args, pos }: ObservedCall): ObservedFrame {
    const { core, errors, positions } = this.#evaluator;
    const { memory } = core;
    const value = resolved(memory, callee);
    const address = addressOf(value);
    const place = pos === 0 ? '' : positions.format(pos);
    switch (kindOf(memory, value)) {
      case 'lambda': {
        const node = memory.u32(address + 4);
        const name = memory.u32(node + lambdaNameOffset);
        const called = name === 0 ? '' : `:${displayBytes(core.nameOf(name))}`;
        return frame(() => `${place === '' ? positions.format(memory.u32(node + 4)) : place}${called}`);
      }
      case 'builtin':
      case 'partial': {
        const isWhole = kindOf(memory, value) === 'builtin';
        const builtin = isWhole ? address : memory.u32(address + 4);
        const name = errors.world.builtinName(memory.u32(builtin + 4));
        const isStrict = isWhole && name === 'derivationStrict';
        const derivation = isStrict ? this.#derivationName(args) : undefined;
        const what = `primop ${name}${derivation === undefined ? '' : `:${displayBytes(derivation)}`}`;
        return frame(() => (place === '' ? what : `${place}:${what}`));
      }
      case 'set': {
        const functor = core.lookup(address, core.internText('__functor'));
        if (functor === undefined) break;
        return frame(() => `${place === '' ? positions.format(functor.position) : place}:functor`);
      }
      default:
    }
    return frame(() => (place === '' ? '«none»:0' : place));
  }

  /** Of the argument of `derivationStrict`, which is going to look for it, too; undefined where it has no good one. */
  #derivationName(args: number): ByteString | undefined {
    const { core } = this.#evaluator;
    try {
      return this.#evaluator.run(() => {
        const set = core.force(wordAt(core.memory, args));
        if (kindOf(core.memory, set) !== 'set') return undefined;
        const found = core.lookup(addressOf(set), this.#evaluator.symbols.name);
        if (found === undefined) return undefined;
        const name = core.force(found.word);
        if (kindOf(core.memory, name) !== 'string') return undefined;
        const string = addressOf(name);
        return core.memory.contextOf(string) === 0 ? core.memory.string(string) : undefined;
      });
    } catch (error) {
      // The builtin meets it again.
      if (error instanceof EvalError || error instanceof Suspension) return undefined;
      throw error;
    }
  }
}

interface ObservedFrame {
  readonly describe: () => string;
  text: string | undefined;
}

function frame(describe: () => string): ObservedFrame {
  return { describe, text: undefined };
}
