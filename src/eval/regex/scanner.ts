/** What is wrong with a regular expression: it is none, or it takes more states than are allowed. */
export class RegexFault extends Error {
  override readonly name = 'RegexFault';
  readonly kind: 'invalid' | 'too-large';

  constructor(kind: 'invalid' | 'too-large') {
    super(kind);
    this.kind = kind;
  }
}

export function invalid(): never {
  throw new RegexFault('invalid');
}

export type RegexToken =
  | { readonly kind: 'char'; readonly value: string }
  /** The inside of `[:…:]`, `[.….]`, `[=…=]`. */
  | { readonly kind: 'class' | 'collating' | 'equivalence'; readonly value: string }
  | { readonly kind: 'count'; readonly value: string }
  | {
      readonly kind:
        | 'any'
        | '('
        | ')'
        | '['
        | '[^'
        | ']'
        | '{'
        | '}'
        | ','
        | '-'
        | '*'
        | '+'
        | '?'
        | '|'
        | '^'
        | '$'
        | 'end';
    };

const special = '.[\\()*+?{|^$';
const named = { ':': 'class', '.': 'collating', '=': 'equivalence' } as const;

/**
 * The tokens of an extended regular expression (POSIX, chapter 9.4) as libstdc++ reads them: a backslash makes only
 * special characters ordinary and is refused before others, and is itself ordinary in brackets.
 */
export class RegexScanner {
  readonly #text: string;
  #at = 0;
  #state: 'normal' | 'bracket' | 'brace' = 'normal';
  #isBracketStart = false;

  constructor(text: string) {
    this.#text = text;
  }

  next(): RegexToken {
    if (this.#state === 'bracket') return this.#nextInBracket();
    if (this.#state === 'brace') return this.#nextInBrace();
    const char = this.#text[this.#at++];
    switch (char) {
      case undefined:
        return { kind: 'end' };
      case '\\': {
        const escaped = this.#text[this.#at++];
        if (escaped === undefined || !special.includes(escaped)) return invalid();
        return { kind: 'char', value: escaped };
      }
      case '.':
        return { kind: 'any' };
      case '[':
        this.#state = 'bracket';
        this.#isBracketStart = true;
        if (this.#text[this.#at] !== '^') return { kind: '[' };
        this.#at++;
        return { kind: '[^' };
      case '{':
        this.#state = 'brace';
        return { kind: '{' };
      case '(':
      case ')':
      case '*':
      case '+':
      case '?':
      case '|':
      case '^':
      case '$':
        return { kind: char };
      default:
        return { kind: 'char', value: char };
    }
  }

  #nextInBracket(): RegexToken {
    const isStart = this.#isBracketStart;
    this.#isBracketStart = false;
    const char = this.#text[this.#at++];
    if (char === undefined) return invalid();
    if (char === '-') return { kind: '-' };
    if (char === '[') {
      const mark = this.#text[this.#at];
      if (mark === undefined) return invalid();
      return mark === ':' || mark === '.' || mark === '=' ? this.#named(mark) : { kind: 'char', value: char };
    }
    // Right after the opening a bracket stands for itself.
    if (char !== ']' || isStart) return { kind: 'char', value: char };
    this.#state = 'normal';
    return { kind: ']' };
  }

  #named(mark: ':' | '.' | '='): RegexToken {
    const start = ++this.#at;
    const end = this.#text.indexOf(mark, start);
    if (end < 0 || this.#text[end + 1] !== ']') return invalid();
    this.#at = end + 2;
    return { kind: named[mark], value: this.#text.slice(start, end) };
  }

  #nextInBrace(): RegexToken {
    const char = this.#text[this.#at++];
    if (char === ',') return { kind: ',' };
    if (char === '}') {
      this.#state = 'normal';
      return { kind: '}' };
    }
    if (char === undefined || char < '0' || char > '9') return invalid();
    const start = this.#at - 1;
    while (/[0-9]/.test(this.#text[this.#at] ?? '')) this.#at++;
    return { kind: 'count', value: this.#text.slice(start, this.#at) };
  }
}
