import { invalid } from './scanner.ts';

/** The classes of the C locale: whether a byte is in one. Names are compared without regard to case. */
const classes: ReadonlyMap<string, RegExp> = new Map([
  ['d', /[0-9]/],
  ['w', /[A-Za-z0-9_]/],
  ['s', /[ \t-\r]/],
  ['alnum', /[A-Za-z0-9]/],
  ['alpha', /[A-Za-z]/],
  ['blank', /[ \t]/],
  // oxlint-disable-next-line no-control-regex -- control characters are what the class is
  ['cntrl', /[\x00-\x1f\x7f]/],
  ['digit', /[0-9]/],
  ['graph', /[!-~]/],
  ['lower', /[a-z]/],
  ['print', /[ -~]/],
  ['punct', /[!-/:-@[-`{-~]/],
  ['space', /[ \t-\r]/],
  ['upper', /[A-Z]/],
  ['xdigit', /[0-9A-Fa-f]/],
]);

/** Names of the collating elements of the POSIX locale, by byte. */
const collatingNames = (
  'NUL SOH STX ETX EOT ENQ ACK alert backspace tab newline vertical-tab form-feed carriage-return SO SI DLE DC1 DC2 DC3 ' +
  'DC4 NAK SYN ETB CAN EM SUB ESC IS4 IS3 IS2 IS1 space exclamation-mark quotation-mark number-sign dollar-sign ' +
  'percent-sign ampersand apostrophe left-parenthesis right-parenthesis asterisk plus-sign comma hyphen period slash ' +
  'zero one two three four five six seven eight nine colon semicolon less-than-sign equals-sign greater-than-sign ' +
  'question-mark commercial-at A B C D E F G H I J K L M N O P Q R S T U V W X Y Z left-square-bracket backslash ' +
  'right-square-bracket circumflex underscore grave-accent a b c d e f g h i j k l m n o p q r s t u v w x y z ' +
  'left-curly-bracket vertical-line right-curly-bracket tilde DEL'
).split(' ');

/** The byte that a collating element's name stands for. */
export function collatingElement(name: string): string {
  const code = collatingNames.indexOf(name);
  return code < 0 ? invalid() : String.fromCharCode(code);
}

/** A set of bytes that is being put together. */
export class ByteSet {
  /** 1 by byte that is in the set. */
  readonly members = new Uint8Array(256);

  add(char: string): void {
    this.members[char.charCodeAt(0)] = 1;
  }

  addClass(name: string): void {
    const pattern = classes.get(name.toLowerCase()) ?? invalid();
    for (let code = 0; code < 128; code++) if (pattern.test(String.fromCharCode(code))) this.members[code] = 1;
  }

  /** Characters that differ in case alone are equivalent. */
  addEquivalents(name: string): void {
    const char = collatingElement(name);
    this.add(char.toLowerCase());
    this.add(char.toUpperCase());
  }

  /** Bytes are compared as C's `char`, which is signed: those above 127 come before all others. */
  addRange(first: string, last: string): void {
    const low = signed(first.charCodeAt(0));
    const high = signed(last.charCodeAt(0));
    if (low > high) invalid();
    for (let value = low; value <= high; value++) this.members[value & 0xff] = 1;
  }

  invert(): void {
    for (let code = 0; code < 256; code++) this.members[code] = this.members[code] === 1 ? 0 : 1;
  }
}

function signed(byte: number): number {
  return byte > 127 ? byte - 256 : byte;
}
