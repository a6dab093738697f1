import { type ByteString, brandAs, byteStringFromText } from '../base/index.ts';
import { formatShortFloat } from '../syntax/index.ts';
import { EvalError } from './eval-error.ts';
import type { Evaluator } from './evaluator.ts';
import { quoteBytes, quoteNameBytes } from './value-printer.ts';
import { type Word, addressOf, floatOf, intOf, kindOf, listElements, pathTextOf, resolved } from './word.ts';

/** A value as `nix-instantiate --eval` prints it: what is not evaluated is `<CODE>`. */
export function printAmbiguous(evaluator: Evaluator, word: Word): ByteString {
  const seen = new Set<number>();
  const { core } = evaluator;
  const { memory } = core;
  let depth = 0;
  return brandAs<ByteString>(print(word));

  function print(unresolved: Word): string {
    if (depth >= evaluator.maxCallDepth) {
      throw new EvalError('eval/stack-overflow', 'stack overflow; max-call-depth exceeded');
    }
    depth++;
    const printed = printKnown(unresolved);
    depth--;
    return printed;
  }

  function printKnown(unresolved: Word): string {
    const value = resolved(memory, unresolved);
    const address = addressOf(value);
    switch (kindOf(memory, value)) {
      case 'int':
        return String(intOf(memory, value));
      case 'float':
        return formatShortFloat(floatOf(memory, value));
      case 'bool':
        return value.low === 15 ? 'false' : 'true';
      case 'null':
        return 'null';
      case 'string':
        return quoteBytes(memory.string(address));
      case 'path':
        return memory.string(pathTextOf(memory, value));
      case 'list': {
        const elements = listElements(memory, address);
        // Where it is in a cell, that is what counts: another cell may have the same list.
        const identity = (unresolved.low & 7) === 0 ? unresolved.low : address;
        if (elements.length > 0 && isRepeated(identity)) return repeated;
        return `[ ${elements.map(element => `${print(element)} `).join('')}]`;
      }
      case 'set': {
        const attributes = core.sortedAttributes(address);
        if (attributes.length > 0 && isRepeated(address)) return repeated;
        return `{ ${attributes.map(({ symbol, word: of }) => `${quoteNameBytes(core.nameOf(symbol))} = ${print(of)}; `).join('')}}`;
      }
      case 'lambda':
        return '<LAMBDA>';
      case 'builtin':
        return '<PRIMOP>';
      case 'partial':
        return '<PRIMOP-APP>';
      case 'black-hole':
        return byteStringFromText('«potential infinite recursion»');
      default:
        return '<CODE>';
    }
  }

  function isRepeated(address: number): boolean {
    if (seen.has(address)) return true;
    seen.add(address);
    return false;
  }
}

const repeated = byteStringFromText('«repeated»');
