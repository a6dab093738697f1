import type { SourcePosition } from '../../base/index.ts';
import { frameKinds, frameSize } from '../core-exports.ts';
import { mark } from '../error-log.ts';
import type { EvalError } from '../eval-error.ts';
import type { Evaluator } from '../evaluator.ts';
import { type Word, addressOf, kindOf, resolved, wordAt } from '../word.ts';
import { type ScopesByNode, type StaticScope, findScopes, scopeOfLayer } from './static-scopes.ts';

/** Something that is being evaluated, and in what environment. */
export interface DebugFrame {
  /** What is being done; may have terminal escapes. */
  readonly text: string;
  readonly position: SourcePosition | undefined;
  readonly isError: boolean;
  /** Environments from the innermost to that of the builtins. */
  environments(): readonly DebugEnvironment[];
}

/** The variables of an environment. */
export interface DebugEnvironment {
  /** With the words of those that have one already. */
  readonly names: readonly { readonly symbol: number; readonly word: Word | undefined }[];
  /** The attributes that a `with` brings, if that is what it is and its set was needed. */
  readonly attributes: readonly { readonly symbol: number; readonly word: Word }[] | undefined;
  /** Whether it is that of the builtins. */
  readonly isBase: boolean;
}

/** Why an evaluation waits. */
export type DebugReason =
  | { readonly kind: 'error'; readonly error: EvalError; readonly isInTry: boolean }
  | { readonly kind: 'break'; readonly position: SourcePosition | undefined }
  /** Of a single step, a trace or a warning. */
  | { readonly kind: 'pause' };

/** Whoever debugs: shows where an evaluation is, and says how it goes on. Frames are innermost first. */
export type DebugPrompt = (reason: DebugReason, frames: readonly DebugFrame[]) => 'continue' | 'step' | 'quit';

export interface DebuggerOptions {
  readonly prompt: DebugPrompt;
  readonly ignoresTry: boolean;
  readonly stopsAtTraces: boolean;
  readonly stopsAtWarnings: boolean;
}

/** Thrown through an evaluation that whoever debugs it wants to end, although it has no error. */
export class DebuggingEnded extends Error {}

/** The tree of a text, in the core's memory. */
export interface DebuggedTree {
  /** No node of it is below this address, none of a later tree above. */
  readonly start: number;
  readonly tree: number;
  /** The StaticLayer of the environment that it is evaluated in. */
  readonly layer: number;
  readonly file: string | undefined;
}

/** Where an environment has its first slot (src/core/env.ts). */
const envHeader = 8;

/** Stops an evaluation at errors, at breaks and between steps, and lets somebody look at it. */
export class Debugger {
  readonly #evaluator: Evaluator;
  readonly #options: DebuggerOptions;
  readonly #trees: DebuggedTree[] = [];
  readonly #scopes = new Map<DebuggedTree, ScopesByNode>();
  /** Those that were shown, on their way out. */
  readonly #seen = new WeakSet<EvalError>();
  #isWaiting = false;
  #steps = false;
  #tries = 0;

  constructor(evaluator: Evaluator, options: DebuggerOptions) {
    this.#evaluator = evaluator;
    this.#options = options;
    evaluator.core.exports.startDebugging();
  }

  /** Trees come in the order of their addresses. */
  addTree(tree: DebuggedTree): void {
    this.#trees.push(tree);
  }

  /** Does `work`, of which `tryEval` catches errors. */
  whileTrying<T>(work: () => T): T {
    this.#tries++;
    try {
      return work();
    } finally {
      this.#tries--;
    }
  }

  /** A function that takes back what has happened since, for work that is ended without `finally`. */
  remember(): () => void {
    const [isWaiting, tries] = [this.#isWaiting, this.#tries];
    return () => {
      this.#isWaiting = isWaiting;
      this.#tries = tries;
    };
  }

  /** Does `work` without ever stopping. */
  undisturbed<T>(work: () => T): T {
    const wasWaiting = this.#isWaiting;
    this.#isWaiting = true;
    try {
      return work();
    } finally {
      this.#isWaiting = wasWaiting;
    }
  }

  /** To be called where an error arises, before what is being evaluated is forgotten. Returns the error. */
  stopAtError(error: EvalError): EvalError {
    const isInTry = this.#tries > 0;
    if (this.#seen.has(error) || (isInTry && this.#options.ignoresTry)) return error;
    this.#seen.add(error);
    const frames = this.#frames();
    const [top] = frames;
    if (top === undefined) return error;
    const own = { text: error.message, position: error.position ?? top.position, isError: true };
    const shown = { ...own, environments: () => top.environments() };
    this.#stop({ kind: 'error', error, isInTry }, [shown, ...frames], error);
    return error;
  }

  /** The error was shown under another identity. */
  markSeen(error: EvalError): void {
    this.#seen.add(error);
  }

  /** To be called by the builtin that breaks. */
  stopAtBreak(): void {
    const frames = this.#frames();
    const [top] = frames;
    if (top === undefined) return;
    const { position } = top;
    const own = { text: 'breakpoint reached', position, isError: true, environments: () => top.environments() };
    this.#stop({ kind: 'break', position }, [own, ...frames]);
  }

  stopAtTrace(): void {
    if (this.#options.stopsAtTraces) this.#pause();
  }

  stopAtWarning(): void {
    if (this.#options.stopsAtTraces || this.#options.stopsAtWarnings) this.#pause();
  }

  step(): void {
    if (this.#steps) this.#pause();
  }

  #pause(): void {
    if (!this.#isWaiting) this.#stop({ kind: 'pause' }, this.#frames());
  }

  #stop(reason: DebugReason, frames: readonly DebugFrame[], error?: EvalError): void {
    if (this.#isWaiting || frames.length === 0) return;
    const answer = this.undisturbed(() => this.#options.prompt(reason, frames));
    this.#steps = answer === 'step';
    if (answer === 'quit') throw error ?? new DebuggingEnded();
  }

  /** Of the whole log, innermost first. */
  #frames(): DebugFrame[] {
    if (this.#isWaiting) return [];
    const { exports, memory } = this.#evaluator.core;
    const frames: DebugFrame[] = [];
    for (let at = exports.logTopNow() - frameSize; at >= exports.logBottom(); at -= frameSize) {
      const frame = this.#frameOf(memory.u32(at), memory.u32(at + 8), memory.u32(at + 12));
      if (frame !== undefined) frames.push(frame);
    }
    return frames;
  }

  #frameOf(kind: number, node: number, env: number): DebugFrame | undefined {
    if (kind === frameKinds.cell) return this.#fileFrame(node, env);
    const text = this.#textOf(kind, node);
    if (text === undefined || env === 0) return undefined;
    return {
      text,
      position: this.#positionOf(node),
      isError: false,
      environments: () => this.#environmentsOf(this.#scopeOf(node), env),
    };
  }

  /** Of a cell whose thunk is the whole of a file. */
  #fileFrame(node: number, env: number): DebugFrame | undefined {
    const found = this.#treeOf(node);
    if (found?.tree !== node || found.file === undefined) return undefined;
    const scope = scopeOfLayer(this.#evaluator.core.memory, found.layer);
    return {
      text: `while evaluating the file '${mark(this.#evaluator.shownTrees.show(found.file))}':`,
      position: this.#positionOf(node),
      isError: false,
      environments: () => this.#environmentsOf(scope, env),
    };
  }

  #positionOf(node: number): SourcePosition | undefined {
    const { core, positions } = this.#evaluator;
    return positions.resolve(core.memory.u32(node + 4));
  }

  #textOf(kind: number, node: number): string | undefined {
    switch (kind) {
      case frameKinds.call:
        return 'while calling a function';
      case frameKinds.let:
        return `while evaluating a '${mark('let')}' expression`;
      case frameKinds.lambda:
        return `while calling ${this.#evaluator.errors.describeLambda(node)}`;
      case frameKinds.selection:
        return `while evaluating the attribute '${mark(this.#evaluator.errors.describeSelection(node))}'`;
      default:
        return undefined;
    }
  }

  #environmentsOf(innermost: StaticScope | undefined, start: number): DebugEnvironment[] {
    const { memory } = this.#evaluator.core;
    const environments: DebugEnvironment[] = [];
    let env = start;
    for (let scope = innermost; scope !== undefined && env !== 0; scope = scope.up) {
      environments.push(this.#environment(scope, env));
      env = memory.u32(env);
    }
    return environments;
  }

  #environment(scope: StaticScope, env: number): DebugEnvironment {
    const { core } = this.#evaluator;
    const wordIn = (slot: number): Word | undefined => {
      const word = wordAt(core.memory, env + envHeader + slot * 8);
      return word.low === 0 && word.high === 0 ? undefined : word;
    };
    const names = scope.names.map(([symbol, slot]) => ({ symbol, word: wordIn(slot) }));
    const first = scope.isWith ? wordIn(0) : undefined;
    const isSet = first !== undefined && kindOf(core.memory, first) === 'set';
    const attributes = isSet ? core.attributes(addressOf(resolved(core.memory, first))) : undefined;
    return { names, attributes, isBase: scope.up === undefined };
  }

  #scopeOf(node: number): StaticScope | undefined {
    const { memory } = this.#evaluator.core;
    const found = this.#treeOf(node);
    const outer = found === undefined ? undefined : scopeOfLayer(memory, found.layer);
    if (found === undefined || outer === undefined) return undefined;
    let scopes = this.#scopes.get(found);
    if (scopes === undefined) {
      scopes = findScopes(memory, found.tree, outer);
      this.#scopes.set(found, scopes);
    }
    return scopes.get(node);
  }

  #treeOf(node: number): DebuggedTree | undefined {
    let low = 0;
    let high = this.#trees.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((this.#trees[middle]?.start ?? 0) <= node) low = middle + 1;
      else high = middle;
    }
    return this.#trees[low - 1];
  }
}
