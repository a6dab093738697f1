import { FirnError, LocatedError, type SourcePosition, type TraceLine } from '../base/index.ts';

/** What each code means. A code is never given another meaning; new causes get new codes. */
export const evalErrorCodes = {
  'eval/throw': 'what `throw` throws',
  'eval/assertion': 'an assertion that does not hold',
  'eval/error': 'what cannot be evaluated',
  'eval/type': 'a value of another type than is needed',
  'eval/undefined-variable': 'a variable that nothing defines',
  'eval/missing-argument': 'a function that lacks an argument',
  'eval/infinite-recursion': 'a value that depends on itself',
  'eval/abort': 'what `abort` aborts',
  'eval/warning': 'a warning, where warnings are errors',
  'eval/restricted-path': 'a file or URL that a pure or restricted evaluation may not look at',
  'eval/missing-feature': 'an experimental feature that is not enabled',
  'eval/syntax': 'a text that is no Nix expression',
  'eval/stack-overflow': 'an evaluation of more levels than are allowed',
  'eval/invalid-path': 'a store path that is not valid',
  'eval/import-refused': 'what has to be built for an evaluation that may not have that',
  'eval/hash-mismatch': 'a tree that has other contents than it should',
  'eval/out-of-memory': 'an evaluation of more values than fit the memory of the evaluator',
} as const;

export type EvalErrorCode = keyof typeof evalErrorCodes;

export interface EvalErrorDetails {
  readonly position?: SourcePosition | undefined;
  readonly traces?: readonly TraceLine[];
  readonly suggestions?: readonly string[];
}

/** An error of an expression. `message` may have terminal escapes. */
export class EvalError extends LocatedError<EvalErrorCode> {
  override readonly traces: readonly TraceLine[];
  override readonly suggestions: readonly string[];

  constructor(code: EvalErrorCode, message: string, details: EvalErrorDetails = {}) {
    super(code, message, details.position);
    this.traces = details.traces ?? [];
    this.suggestions = details.suggestions ?? [];
  }

  /** The same at a place. */
  at(position: SourcePosition | undefined): EvalError {
    const { traces, suggestions } = this;
    return new EvalError(this.code, this.message, { position, traces, suggestions });
  }

  /** The same with traces around those that it has. */
  within(outer: readonly TraceLine[]): EvalError {
    if (outer.length === 0) return this;
    const { position, suggestions } = this;
    return new EvalError(this.code, this.message, { position, traces: [...outer, ...this.traces], suggestions });
  }
}

/** What was thrown, as an error of the expression; undefined where it is none. */
export function asEvalError(thrown: unknown): EvalError | undefined {
  if (thrown instanceof EvalError) return thrown;
  if (thrown instanceof RangeError) {
    return new EvalError('eval/stack-overflow', 'stack overflow (possible infinite recursion)');
  }
  return thrown instanceof FirnError ? new EvalError('eval/error', thrown.message) : undefined;
}
