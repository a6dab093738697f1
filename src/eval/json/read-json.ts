import { type ByteString, brandAs, displayBytes } from '../../base/index.ts';
import { mark } from '../error-log.ts';
import { EvalError } from '../eval-error.ts';
import type { Evaluator } from '../evaluator.ts';
import { type Word, falseWord, nullWord, trueWord } from '../word.ts';
import { JsonLexer, type JsonToken } from './json-lexer.ts';

/** A container that is being filled. */
type Open =
  | { readonly kind: 'list'; readonly words: Word[] }
  | { readonly kind: 'set'; readonly members: Map<ByteString, Word>; key: ByteString };

const tokenNames: Readonly<Record<JsonToken['kind'], string>> = {
  true: 'true literal',
  false: 'false literal',
  null: 'null literal',
  string: 'string literal',
  integer: 'number literal',
  float: 'number literal',
  '{': "'{'",
  '}': "'}'",
  '[': "'['",
  ']': "']'",
  ':': "':'",
  ',': "','",
  end: 'end of input',
  error: '<parse error>',
};

/** The value of a JSON text. Throws `eval/error`, in the words of the library that C++ Nix uses. */
export function readJson(evaluator: Evaluator, text: ByteString): Word {
  return new JsonReader(evaluator, text).read();
}

/** What is wrong with the form of a JSON text, in the words of C++ Nix's library; undefined where nothing is. */
export function explainJsonFault(evaluator: Evaluator, text: ByteString): string | undefined {
  try {
    readJson(evaluator, text);
    return undefined;
  } catch (error) {
    if (error instanceof NotJson) return error.message;
    throw error;
  }
}

class JsonReader {
  readonly #evaluator: Evaluator;
  readonly #lexer: JsonLexer;
  /** No recursion: the depth of a text costs heap and not stack. */
  readonly #open: Open[] = [];
  #token: JsonToken;

  constructor(evaluator: Evaluator, text: ByteString) {
    this.#evaluator = evaluator;
    this.#lexer = new JsonLexer(text);
    this.#token = this.#lexer.next();
  }

  read(): Word {
    for (;;) {
      let word = this.#begin();
      // A container was opened and has something in it.
      if (word === undefined) continue;
      for (;;) {
        const top = this.#open.at(-1);
        if (top === undefined) {
          if (this.#advance().kind !== 'end') throw this.#unexpected('value', tokenNames.end);
          return word;
        }
        if (top.kind === 'list') top.words.push(word);
        else top.members.set(top.key, word);
        if (this.#advance().kind === ',') {
          this.#advance();
          if (top.kind === 'set') this.#readKey(top);
          break;
        }
        const isEnd = this.#token.kind === (top.kind === 'list' ? ']' : '}');
        if (!isEnd)
          throw this.#unexpected(top.kind === 'list' ? 'array' : 'object', tokenNames[top.kind === 'list' ? ']' : '}']);
        word = this.#close();
      }
    }
  }

  #advance(): JsonToken {
    this.#token = this.#lexer.next();
    return this.#token;
  }

  /** The value that the token is, or undefined where it opens a container that is not empty. */
  #begin(): Word | undefined {
    const { core } = this.#evaluator;
    const token = this.#token;
    switch (token.kind) {
      case '{': {
        const set: Open = { kind: 'set', members: new Map(), key: brandAs<ByteString>('') };
        this.#open.push(set);
        if (this.#advance().kind === '}') return this.#close();
        this.#readKey(set);
        return undefined;
      }
      case '[':
        this.#open.push({ kind: 'list', words: [] });
        return this.#advance().kind === ']' ? this.#close() : undefined;
      case 'true':
        return trueWord;
      case 'false':
        return falseWord;
      case 'null':
        return nullWord;
      case 'integer':
        if (token.value < 2n ** 63n) return core.int(token.value);
        throw new EvalError(
          'eval/error',
          `unsigned json number ${mark(String(token.value))} outside of Nix integer range`,
        );
      case 'float':
        if (Number.isFinite(token.value)) return core.float(token.value);
        throw jsonError(`[json.exception.out_of_range.406] number overflow parsing '${token.text}'`);
      case 'string':
        return core.string(checkNul(token.value));
      case 'error':
        throw this.#unexpected('value');
      case 'end':
        if (this.#lexer.bytesRead === 1) {
          const hint =
            'attempting to parse an empty input; check that your input string or stream contains the expected JSON';
          throw this.#error(hint);
        }
        throw this.#unexpected('value', "'[', '{', or a literal");
      default:
        throw this.#unexpected('value', "'[', '{', or a literal");
    }
  }

  /** The token must be a name; goes on to the value behind the colon. */
  #readKey(set: Extract<Open, { kind: 'set' }>): void {
    const token = this.#token;
    if (token.kind !== 'string') throw this.#unexpected('object key', tokenNames.string);
    set.key = checkNul(token.value);
    // Before the names within: sets are in the order in which names were first met.
    this.#evaluator.core.intern(set.key);
    if (this.#advance().kind !== ':') throw this.#unexpected('object separator', tokenNames[':']);
    this.#advance();
  }

  #close(): Word {
    const { core } = this.#evaluator;
    const top = this.#open.pop();
    if (top === undefined) throw new TypeError('nothing is open');
    return top.kind === 'list' ? core.list(top.words) : core.set([...top.members]);
  }

  #unexpected(context: string, expected?: string): EvalError {
    const token = this.#token;
    const found =
      token.kind === 'error'
        ? `${token.message}; last read: '${displayBytes(brandAs<ByteString>(this.#lexer.lastRead))}'`
        : `unexpected ${tokenNames[token.kind]}`;
    const wanted = expected === undefined ? '' : `; expected ${expected}`;
    return this.#error(`syntax error while parsing ${context} - ${found}${wanted}`);
  }

  #error(what: string): EvalError {
    const { line, column } = this.#lexer.place;
    return jsonError(`[json.exception.parse_error.101] parse error at line ${line}, column ${column}: ${what}`);
  }
}

/** A text that is no JSON. What the language refuses about the value of one is another matter. */
export class NotJson extends EvalError {}

function jsonError(what: string): EvalError {
  return new NotJson('eval/error', mark(what));
}

/** Strings with zero bytes are none of the language's. */
export function checkNul(text: string): ByteString {
  if (!text.includes('\0')) return brandAs<ByteString>(text);
  const shown = mark(displayBytes(brandAs<ByteString>(text)).replaceAll('\0', '␀'));
  throw new EvalError(
    'eval/error',
    `input string '${shown}' cannot be represented as Nix string because it contains null bytes`,
  );
}
