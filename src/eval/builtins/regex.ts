import { type ByteString, brandAs, displayBytes } from '../../base/index.ts';
import type { Evaluator } from '../evaluator.ts';
import { type Regex, compileRegex } from '../regex/compiler.ts';
import { type RegexMatch, RegexMatcher } from '../regex/matcher.ts';
import { RegexFault } from '../regex/scanner.ts';
import { type Word, nullWord } from '../word.ts';
import { argument, evalError, forcePlainString, forceString } from './arguments.ts';
import type { HostBuiltin } from './table.ts';

/** Programs use few expressions, many times. */
const maxCompiled = 1000;
const compiled = new Map<ByteString, Regex>();

function regexOf(pattern: ByteString): Regex {
  const known = compiled.get(pattern);
  if (known !== undefined) return known;
  if (compiled.size >= maxCompiled) compiled.clear();
  try {
    const regex = compileRegex(pattern);
    compiled.set(pattern, regex);
    return regex;
  } catch (error) {
    if (!(error instanceof RegexFault)) throw error;
    const shown = displayBytes(pattern);
    if (error.kind === 'too-large') throw evalError`memory limit exceeded by regular expression '${shown}'`;
    throw evalError`invalid regular expression '${shown}'`;
  }
}

/** Whether a POSIX extended regular expression matches all of `text`. Throws `eval/error` for what is none. */
export function matchesWhole(pattern: ByteString, text: ByteString): boolean {
  return new RegexMatcher(regexOf(pattern), text).matchWhole() !== undefined;
}

/** A part of a text, by the offsets of its bytes. */
export interface TextRange {
  readonly start: number;
  readonly end: number;
}

/**
 * All places of `text` that a POSIX extended regular expression matches, capital letters or not. Throws `eval/error` for
 * what is none.
 */
export function findIgnoringCase(pattern: ByteString, text: ByteString): TextRange[] {
  const matcher = new RegexMatcher(regexOf(lowerCase(pattern)), lowerCase(text));
  return Array.from(matches(matcher, text.length), ([start = 0, end = 0]) => ({ start, end }));
}

/** Letters of ASCII alone: others are bytes of which several are one. */
function lowerCase(text: ByteString): ByteString {
  return brandAs<ByteString>(text.replaceAll(/[A-Z]/g, letter => letter.toLowerCase()));
}

function match(evaluator: Evaluator, args: number): Word {
  const patternText = 'while evaluating the first argument passed to builtins.match';
  const regex = regexOf(forcePlainString(evaluator, argument(evaluator, args, 0), patternText));
  const doing = 'while evaluating the second argument passed to builtins.match';
  const { text } = forceString(evaluator, argument(evaluator, args, 1), doing);
  const found = new RegexMatcher(regex, text).matchWhole();
  return found === undefined ? nullWord : groupsOf(evaluator, text, found);
}

function groupsOf({ core }: Evaluator, text: ByteString, found: RegexMatch): Word {
  const groups: Word[] = [];
  for (let i = 2; i < found.length; i += 2) {
    const [start = -1, end = -1] = found.subarray(i, i + 2);
    groups.push(start < 0 ? nullWord : core.string(part(text, start, end)));
  }
  return core.list(groups);
}

function part(text: ByteString, start: number, end?: number): ByteString {
  return brandAs<ByteString>(text.slice(start, end));
}

function split(evaluator: Evaluator, args: number): Word {
  const { core } = evaluator;
  const patternText = 'while evaluating the first argument passed to builtins.split';
  const regex = regexOf(forcePlainString(evaluator, argument(evaluator, args, 0), patternText));
  const doing = 'while evaluating the second argument passed to builtins.split';
  const { text } = forceString(evaluator, argument(evaluator, args, 1), doing);
  const words: Word[] = [];
  let at = 0;
  for (const found of matches(new RegexMatcher(regex, text), text.length)) {
    words.push(core.string(part(text, at, found[0] ?? 0)), groupsOf(evaluator, text, found));
    at = found[1] ?? 0;
  }
  if (words.length === 0) return core.list([argument(evaluator, args, 1)]);
  words.push(core.string(part(text, at)));
  return core.list(words);
}

/** All matches, as C++'s `regex_iterator` finds them: after an empty one another that is not, at the same place. */
function* matches(matcher: RegexMatcher, length: number): Generator<RegexMatch> {
  let hasBefore = false;
  for (let found = matcher.search(0); found !== undefined;) {
    yield found;
    const [start = 0, end = 0] = found;
    if (start !== end) {
      hasBefore = true;
      found = matcher.search(end, { hasBefore });
      continue;
    }
    if (end === length) return;
    found = matcher.search(end, { anchored: true, notEmpty: true, hasBefore });
    if (found !== undefined) continue;
    hasBefore = true;
    found = matcher.search(end + 1, { hasBefore });
  }
}

export const regexBuiltins: readonly HostBuiltin[] = [
  { name: '__match', arity: 2, call: match },
  { name: '__split', arity: 2, call: split },
];
