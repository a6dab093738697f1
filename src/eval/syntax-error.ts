import { type Refusal, type Token, describeRefusal, explainFault } from '../syntax/index.ts';
import { mark } from './error-log.ts';
import { EvalError } from './eval-error.ts';
import type { Evaluator } from './evaluator.ts';

/** Where a text is in the core's memory, and the position of its first byte. */
export interface ParsedText {
  readonly start: number;
  readonly length: number;
  readonly base: number;
  /** Whether it is definitions as they are in a set. */
  readonly isBindings: boolean;
}

/** The error of a text that is no expression. */
export function syntaxError(evaluator: Evaluator, refusal: Refusal, source: ParsedText): EvalError {
  const { positions } = evaluator;
  if (refusal.code === 'syntax/unexpected-token' && source.isBindings) {
    // The grammar by which faults are explained has no definitions outside of sets.
    const isEnd = refusal.position === source.base + source.length;
    const message = isEnd ? 'syntax error, unexpected end of file' : 'syntax error';
    return new EvalError('eval/syntax', message, { position: positions.resolve(refusal.position) });
  }
  if (refusal.code === 'syntax/unexpected-token') {
    const explained = explainFault(tokensOf(evaluator, source));
    const position = positions.resolve(explained === undefined ? refusal.position : source.base + explained.offset);
    return new EvalError('eval/syntax', explained?.message ?? 'syntax error', { position });
  }
  const words = { mark, place: (position: number) => positions.format(position) };
  const code = refusal.code === 'syntax/undefined-variable' ? 'eval/undefined-variable' : 'eval/syntax';
  return new EvalError(code, describeRefusal(refusal, words), { position: positions.resolve(refusal.position) });
}

/** Tokens as the core writes them: kind, start and end. */
function* tokensOf(evaluator: Evaluator, { start, length }: ParsedText): Generator<Token> {
  const { exports, memory } = evaluator.core;
  const count = exports.tokenize(start, length, evaluator.hasFeature('pipe-operators') ? 1 : 0, 0);
  const at = exports.tokensAddress();
  for (let token = at; token < at + count * 12; token += 12) {
    yield { kind: memory.u32(token), start: memory.u32(token + 4), end: memory.u32(token + 8) };
  }
}
