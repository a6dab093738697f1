/** All tokens of a text at once, for messages and editors. */
import { refusal, sourceStart, token, tokenEnd, tokenStart } from './lexer-state.ts';
import { advance, startLexer } from './lexer.ts';
import { pushScratch, scratchAddress, scratchSize, truncateScratch } from './scratch.ts';
import { Token } from './token.ts';

/**
 * Writes a token after the other, up to the end of the text: its kind, where it begins and where it ends, offsets in the
 * text, 32 bits each. The kind of a token that the lexer refuses has the reason in the bits from the ninth on. Returns how
 * many there are; they are at `tokensAddress` until something else is parsed.
 */
export function tokenize(start: usize, length: u32, pipes: bool, replBindings: bool): u32 {
  truncateScratch(0);
  startLexer(start, length, pipes, replBindings);
  do {
    advance();
    pushScratch(token == Token.Refused ? token | (refusal << 8) : token);
    pushScratch(<u32>(tokenStart - sourceStart));
    pushScratch(<u32>(tokenEnd - sourceStart));
  } while (token != Token.EndOfFile);
  return scratchSize() / 3;
}

export function tokensAddress(): usize {
  return scratchAddress();
}
