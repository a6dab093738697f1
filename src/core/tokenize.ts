/** All tokens of a text at once, for messages and editors. */
import { refusal, sourceStart, token, tokenEnd, tokenStart } from './lexer-state.ts';
import { advance, startLexer } from './lexer.ts';
import { pushScratch, scratchAddress, scratchSize, truncateScratch } from './scratch.ts';
import { Refusal, Token } from './token.ts';

/**
 * Writes a token after the other, up to the end of the text or one that the lexer refuses: its kind, where it begins and
 * where it ends, offsets in the text, 32 bits each. Returns how many there are; they are at `tokensAddress` until something
 * else is parsed. The length of the text limits their number.
 */
export function tokenize(start: usize, length: u32, pipes: bool, replBindings: bool): u32 {
  truncateScratch(0);
  startLexer(start, length, pipes, replBindings);
  do {
    advance();
    pushScratch(token);
    pushScratch(<u32>(tokenStart - sourceStart));
    pushScratch(<u32>(tokenEnd - sourceStart));
  } while (token != Token.EndOfFile && token != Token.Refused);
  return scratchSize() / 3;
}

export function tokensAddress(): usize {
  return scratchAddress();
}

/** Why the last token was refused; 0 if it was not. */
export function tokenizerRefusal(): Refusal {
  return refusal;
}
