import { type ByteString, byteStringFromLatin1, displayBytes } from '../../base/index.ts';
import { CliError } from '../error.ts';
import type { Flag } from './flag.ts';

const compound = /^-[A-Za-z]./s;
const letter = /[A-Za-z]/;

/** The command line while it is read: `-qlf` becomes `-q -l -f` and `-j3` becomes `-j 3` when they are next. */
export class ArgumentQueue {
  /** Last argument first, so that taking one is popping it. */
  readonly #rest: ByteString[];
  #literal = false;

  constructor(args: readonly ByteString[]) {
    this.#rest = args.toReversed();
  }

  /** What comes next; undefined at the end. A `--` is not reported, all after it are `argument`s. */
  next(): { readonly kind: 'flag' | 'argument'; readonly text: ByteString } | undefined {
    const text = this.#rest.pop();
    if (text === undefined) return undefined;
    if (this.#literal || !text.startsWith('-')) return { kind: 'argument', text };
    if (text === '--') {
      this.#literal = true;
      return this.next();
    }
    return { kind: 'flag', text: compound.test(text) ? this.#split(text) : text };
  }

  /** Whether a `--` came. */
  get isLiteral(): boolean {
    return this.#literal;
  }

  /** Puts arguments in front of the rest. */
  unshift(...args: readonly string[]): void {
    this.#rest.push(...args.toReversed().map(byteStringFromLatin1));
  }

  /** Takes all that is left. */
  takeRest(): ByteString[] {
    return this.#rest.splice(0).toReversed();
  }

  /** Takes the next argument whatever it looks like. */
  take(): ByteString | undefined {
    return this.#rest.pop();
  }

  #split(text: ByteString): ByteString {
    const parts: string[] = [];
    for (let at = 1; at < text.length; at++) {
      const char = text.charAt(at);
      if (!letter.test(char)) {
        parts.push(text.slice(at));
        break;
      }
      parts.push(`-${char}`);
    }
    const [first = text, ...others] = parts;
    this.unshift(...others);
    return byteStringFromLatin1(first);
  }
}

/** How to complain of a flag that lacks arguments: `given` came instead of what its labels ask for. */
export type MissingValueMessage = (spelling: string, flag: Flag, given: number) => string;

export const missingValues: MissingValueMessage = (spelling, { labels }, given) =>
  `flag '${spelling}' requires ${labels.length} argument(s), but only ${given} were given`;

export const missingLegacyValue: MissingValueMessage = spelling => `'${spelling}' requires an argument`;

/** Takes the arguments of `flag` from the queue and applies it. Throws `usage/missing-value` and what `apply` throws. */
export function applyFlag(flag: Flag, spelling: ByteString, queue: ArgumentQueue, message = missingValues): void {
  const values: ByteString[] = flag.takesRest === true ? queue.takeRest() : [];
  while (flag.takesRest !== true && values.length < flag.labels.length) {
    const value = queue.take();
    if (value === undefined) {
      throw new CliError('usage/missing-value', message(displayBytes(spelling), flag, values.length));
    }
    values.push(value);
  }
  flag.apply(...values);
}

export function unrecognisedFlag(spelling: ByteString): CliError {
  return new CliError('usage/unrecognised-flag', `unrecognised flag '${displayBytes(spelling)}'`);
}

export function unexpectedArgument(text: ByteString): CliError {
  return new CliError('usage/unexpected-argument', `unexpected argument '${displayBytes(text)}'`);
}
