import { FirnError } from './errors.ts';

/** A place in a source: line and column from 1, the column in bytes. */
export interface SourcePosition {
  /** A path, or what stands for one: `«string»`. */
  readonly file: string;
  readonly line: number;
  readonly column: number;
  /** The line before, the line itself and the line after, as far as there are any; undefined where there is no text. */
  readonly lines: readonly [before: string | undefined, line: string, after: string | undefined] | undefined;
}

/** What was being done when an error happened. */
export interface TraceLine {
  /** With terminal escapes around what it mentions. */
  readonly text: string;
  readonly position: SourcePosition | undefined;
  /** Whether it is shown also where traces are cut short. */
  readonly always: boolean;
}

/** An error whose place is in a source that the user wrote. */
export abstract class LocatedError<Code extends string = string> extends FirnError<Code> {
  /** Undefined where the place is not known. */
  readonly position: SourcePosition | undefined;
  /** The outermost first. */
  readonly traces: readonly TraceLine[] = [];
  /** Names that may have been meant instead, best first. */
  readonly suggestions: readonly string[] = [];

  constructor(code: Code, message: string, position: SourcePosition | undefined) {
    super(code, message);
    this.position = position;
  }
}
