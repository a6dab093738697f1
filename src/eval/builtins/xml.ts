import { xmlFlags } from '../core-exports.ts';
import type { Evaluator } from '../evaluator.ts';
import type { Word } from '../word.ts';
import type { ContextString } from './arguments.ts';

export interface XmlOptions {
  /** Whether what is not evaluated yet is evaluated. */
  readonly strict: boolean;
  /** Whether attributes and functions come with where they are. */
  readonly locations: boolean;
}

/** A value as XML, with what its strings depend on. */
export function toXml({ core }: Evaluator, word: Word, { strict, locations }: XmlOptions): ContextString {
  const flags = (strict ? xmlFlags.strict : 0) | (locations ? xmlFlags.locations : 0);
  return core.contextString(core.exports.xmlAt(core.place(word), flags));
}
