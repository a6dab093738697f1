import type { TomlFloat, TomlTimestamp } from './toml-value.ts';

export type TomlNumber = bigint | TomlFloat | TomlTimestamp;

/** What is wrong with a number. `at` is relative to where it starts. */
export interface NumberFault {
  readonly title: string;
  readonly note: string;
  readonly at: number;
  readonly hints?: readonly string[];
}

export type NumberResult = { readonly value: TomlNumber; readonly length: number } | { readonly fault: NumberFault };

const integerHints = ['valid  : -42, 1_000, 1_2_3_4_5, 0xC0FFEE, 0b0010, 0o755', 'invalid: _42, 1__000, 0123'];
const floatHints = ['valid  : +1.0, -2e-2, 3.141_592_653_589, inf, nan', 'invalid: .0, 1., _1.0, 1.0_, 1_.0, 1.0__0'];

const dateTime = /^(\d{4}-\d{2}-\d{2})(?:[Tt ](\d{2}:\d{2}:\d{2})(\.\d+)?([Zz]|[+-]\d{2}:\d{2})?)?/;
const localTime = /^(\d{2}:\d{2}:\d{2})(\.\d+)?/;
const special = /^([+-]?)(inf|nan)/;
const float = /^[+-]?(?:0|[1-9](?:_?\d)*)(?:\.\d(?:_?\d)*(?:[eE][+-]?\d(?:_?\d)*)?|[eE][+-]?\d(?:_?\d)*)/;
const decimal = /^[+-]?(?:0|[1-9](?:_?\d)*)/;

const bases = {
  x: {
    name: 'hex',
    digits: /^0x[0-9A-Fa-f](?:_?[0-9A-Fa-f])*/,
    example: 'hex_int must be like: 0xC0FFEE, 0xdead_beef',
    set: '[0-9a-fA-F]',
  },
  o: { name: 'oct', digits: /^0o[0-7](?:_?[0-7])*/, example: 'oct_int must be like: 0o775, 0o04_44', set: '[0-7]' },
  b: { name: 'bin', digits: /^0b[01](?:_?[01])*/, example: 'bin_int must be like: 0b0101, 0b1111_0000', set: '[01]' },
} as const;

/** The number, date or time that `rest` begins with; `rest` begins with a sign, a digit, `i` or `n`. */
export function readTomlNumber(rest: string): NumberResult | undefined {
  const timestamp = readTimestamp(rest);
  if (timestamp !== undefined) return timestamp;
  const base = rest[0] === '0' ? baseOf(rest[1]) : undefined;
  if (base !== undefined) return readBased(rest, base);
  const word = special.exec(rest);
  if (word !== null) {
    const size = word[2] === 'inf' ? Infinity : Number.NaN;
    return { value: { kind: 'float', value: word[1] === '-' ? -size : size }, length: word[0].length };
  }
  const floating = float.exec(rest)?.[0];
  if (floating !== undefined) return readFloat(rest, floating);
  const whole = decimal.exec(rest)?.[0];
  if (whole === undefined) return undefined;
  const next = rest[whole.length];
  if (next === '.' || next === 'e' || next === 'E') {
    return { fault: { title: 'bad float: invalid format', note: 'here', at: whole.length, hints: floatHints } };
  }
  const value = BigInt(whole.replaceAll('_', '').replace(/^\+/, ''));
  if (value >= 2n ** 63n || value < -(2n ** 63n)) return tooLarge('dec', 'digits', whole.length);
  return checkEnd(rest, value, whole.length);
}

function baseOf(letter: string | undefined) {
  return letter === 'x' || letter === 'o' || letter === 'b' ? bases[letter] : undefined;
}

function tooLarge(base: string, unit: string, at: number): NumberResult {
  const title = `toml::parse_${base}_integer: too large integer: current max ${unit} = 2^63`;
  return { fault: { title, note: 'must be < 2^63', at } };
}

function checkEnd(rest: string, value: bigint, length: number): NumberResult {
  const next = rest[length] ?? '';
  if (next === '_') {
    const title = 'bad integer: `_` must be surrounded by digits';
    return { fault: { title, note: 'invalid underscore', at: length, hints: integerHints } };
  }
  if (/[0-9]/.test(next)) {
    const title = 'bad integer: invalid digit after an integer';
    return { fault: { title, note: 'this digit is not allowed', at: length, hints: integerHints } };
  }
  return { value, length };
}

function readBased(rest: string, { name, digits, example, set }: (typeof bases)[keyof typeof bases]): NumberResult {
  const found = digits.exec(rest)?.[0];
  if (found === undefined) {
    const title = `toml::parse_${name}_integer: invalid integer: ${example}`;
    return { fault: { title, note: `expected ${name} ${set}`, at: 2 } };
  }
  const value = BigInt(found.replaceAll('_', ''));
  return value >= 2n ** 63n ? tooLarge(name, 'value', found.length) : checkEnd(rest, value, found.length);
}

function readFloat(rest: string, found: string): NumberResult {
  if (rest[found.length] === '_') {
    const title = 'bad float: `_` must be surrounded by digits';
    return { fault: { title, note: 'invalid underscore', at: found.length, hints: floatHints } };
  }
  const value = Number(found.replaceAll('_', ''));
  if (Number.isFinite(value)) return { value: { kind: 'float', value }, length: found.length };
  const title = 'toml::parse_floating: failed to read floating point value from stream';
  return { fault: { title, note: 'here', at: found.length } };
}

function readTimestamp(rest: string): NumberResult | undefined {
  const full = dateTime.exec(rest);
  const time = full === null ? localTime.exec(rest) : null;
  const [, date, clock = time?.[1], fraction = time?.[2], offset = ''] = full ?? [];
  const length = (full ?? time)?.[0].length;
  if (length === undefined) return undefined;
  const fault =
    (date === undefined ? undefined : checkDate(date)) ?? (clock === undefined ? undefined : checkTime(clock));
  if (fault !== undefined) return { fault };
  const clockText = clock === undefined ? '' : `${clock}${formatFraction(fraction)}`;
  const zone = /^[Zz]$|^[+-]00:00$/.test(offset) ? 'Z' : offset;
  const text = date === undefined ? clockText : clock === undefined ? date : `${date}T${clockText}${zone}`;
  return { value: { kind: 'timestamp', text }, length };
}

/** Whole thousandths, millionths or billionths, whichever is the least that holds them; nothing is smaller. */
function formatFraction(fraction: string | undefined): string {
  const digits = (fraction ?? '').slice(1, 10).padEnd(9, '0');
  if (!/[1-9]/.test(digits)) return '';
  const groups = /[1-9]/.test(digits.slice(6)) ? 9 : /[1-9]/.test(digits.slice(3)) ? 6 : 3;
  return `.${digits.slice(0, groups)}`;
}

function checkDate(date: string): NumberFault | undefined {
  const [year = 0, month = 0, day = 0] = date.split('-').map(Number);
  const lastDay = new Date(Date.UTC(2000 + (year % 400), month, 0)).getUTCDate();
  if (month >= 1 && month <= 12 && day >= 1 && day <= lastDay) return undefined;
  return { title: 'toml::parse_local_date: invalid date', note: 'here', at: 0 };
}

function checkTime(time: string): NumberFault | undefined {
  const [hour = 0, minute = 0, second = 0] = time.split(':').map(Number);
  if (hour <= 23 && minute <= 59 && second <= 60) return undefined;
  return { title: 'toml::parse_local_time: invalid time', note: 'here', at: 0 };
}
