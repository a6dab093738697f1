import { type ByteString, displayBytes } from '../../base/index.ts';
import type { ExperimentalFeature } from '../../nix-compat/index.ts';
import type { Completer } from './completions.ts';

/** A flag as data: its names, how many arguments it takes, and what it does once they are at hand. */
export interface Flag {
  /** Without the two dashes. */
  readonly long: string;
  /** One letter. */
  readonly short?: string;
  /** Other long names. */
  readonly aliases?: readonly string[];
  /** What its arguments are, for people; their number is the flag's arity. */
  readonly labels: readonly string[];
  /** Whether it takes all that follows, at least one argument. */
  readonly takesRest?: boolean;
  /** For `--help`. */
  readonly summary: string;
  readonly feature?: ExperimentalFeature | undefined;
  /** Whether the command refuses to run without it. */
  readonly required?: boolean;
  /** What its arguments can be, for shells. */
  readonly complete?: Completer;
  /** Called with as many values as there are labels, or all; may throw. */
  readonly apply: (...values: ByteString[]) => void;
}

/** A flag without arguments. */
export function switchFlag(long: string, summary: string, apply: () => void, more: Partial<Flag> = {}): Flag {
  return { long, labels: [], summary, apply, ...more };
}

/** `--name`: what a store path is to be called, if not like `source`. */
export function nameFlag(source: string, apply: (name: string) => void): Flag {
  return {
    long: 'name',
    short: 'n',
    labels: ['name'],
    summary: `What the store path is called, if not like the ${source}.`,
    apply: text => apply(displayBytes(text)),
  };
}

/** Arguments that are no flags. */
export interface Positional {
  readonly label: string;
  readonly arity: 1 | 'any';
  readonly optional?: boolean;
  /** What it can be, for shells. */
  readonly complete?: Completer;
  /** Called with as many values as the arity says. */
  readonly apply: (...values: ByteString[]) => void;
}

/** Finds the flag that is spelt `--name` or, for one letter after a single dash, `-n`. */
export type FlagFinder = (spelling: string) => Flag | undefined;

/** A finder over `flags`; of two with the same name the later one counts. */
export function indexFlags(flags: readonly Flag[]): FlagFinder {
  const bySpelling = new Map<string, Flag>();
  for (const flag of flags) {
    for (const name of [flag.long, ...(flag.aliases ?? [])]) bySpelling.set(`--${name}`, flag);
    if (flag.short !== undefined) bySpelling.set(`-${flag.short}`, flag);
  }
  return spelling => bySpelling.get(spelling);
}

/** Asks `finders` in turn. */
export function firstOf(...finders: readonly FlagFinder[]): FlagFinder {
  return spelling => {
    for (const find of finders) {
      const flag = find(spelling);
      if (flag !== undefined) return flag;
    }
    return undefined;
  };
}
