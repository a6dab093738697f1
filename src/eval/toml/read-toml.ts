import { type ByteString, brandAs } from '../../base/index.ts';
import { type TomlError, tomlError } from './toml-error.ts';
import { readTomlNumber } from './toml-number.ts';
import { readTomlString } from './toml-string.ts';
import type { TomlArray, TomlPlace, TomlTable, TomlValue } from './toml-value.ts';

/** Arrays and inline tables within each other: reading them calls itself. */
const maxDepth = 1000;

/** Reads a TOML 1.0 document. Throws a TomlError. */
export function readToml(text: ByteString): TomlTable {
  return new TomlReader(text).read();
}

interface Key {
  readonly parts: readonly ByteString[];
  readonly place: TomlPlace;
}

const bareKey = /[A-Za-z0-9_-]+/y;
const lineEnd = /[ \t]*(?:#[^\n\x00-\x08\x0b\x0c\x0e-\x1f\x7f]*)?(?:\r?\n|$)/y;

class TomlReader {
  readonly #text: ByteString;
  readonly #root: TomlTable;
  #at = 0;
  #depth = 0;

  constructor(text: ByteString) {
    this.#text = text;
    this.#root = newTable('header', { start: 0, end: 0 });
  }

  read(): TomlTable {
    if (this.#text.startsWith('\xef\xbb\xbf')) this.#at = 3;
    let table = this.#root;
    for (;;) {
      this.#skipBlank();
      if (this.#at >= this.#text.length) return this.#root;
      if (this.#text[this.#at] === '[') table = this.#header();
      else this.#keyValue(table);
      this.#expectLineEnd();
    }
  }

  /** White space, line breaks and comments. */
  #skipBlank(): void {
    const blank = /(?:[ \t\n]|\r\n|#[^\n]*)*/y;
    blank.lastIndex = this.#at;
    blank.test(this.#text);
    this.#at = blank.lastIndex;
  }

  #skipSpace(): void {
    while (this.#text[this.#at] === ' ' || this.#text[this.#at] === '\t') this.#at++;
  }

  #takes(token: string): boolean {
    if (!this.#text.startsWith(token, this.#at)) return false;
    this.#at += token.length;
    return true;
  }

  #expectLineEnd(): void {
    lineEnd.lastIndex = this.#at;
    if (!lineEnd.test(this.#text)) {
      this.#skipSpace();
      throw this.#error('toml::parse_table: newline (LF / CRLF) or EOF is expected', 'here');
    }
    this.#at = lineEnd.lastIndex;
  }

  #error(title: string, note: string, hints: readonly string[] = []): TomlError {
    return tomlError(this.#text, title, [{ place: { start: this.#at, end: this.#at + 1 }, note }], hints);
  }

  // Headers

  #header(): TomlTable {
    const start = this.#at;
    const isOfTables = this.#takes('[[');
    if (!isOfTables) this.#at++;
    const key = this.#key();
    if (!this.#takes(isOfTables ? ']]' : ']')) {
      const name = isOfTables ? 'invalid array-of-tables key' : 'invalid table key';
      throw this.#error(`toml::parse_file: ${name}`, `expected ${isOfTables ? ']]' : ']'}`);
    }
    const place = { start, end: this.#at };
    const parent = this.#descend(this.#root, key.parts.slice(0, -1), { origin: 'implicit', place });
    const name = key.parts.at(-1) ?? brandAs<ByteString>('');
    return isOfTables ? this.#addToArray(parent, name, place) : this.#openTable(parent, name, place);
  }

  #openTable(parent: TomlTable, name: ByteString, place: TomlPlace): TomlTable {
    const known = parent.members.get(name);
    if (known === undefined) {
      const table = newTable('header', place);
      parent.members.set(name, { value: table, place });
      return table;
    }
    const { value } = known;
    if (isTable(value) && value.origin === 'implicit') {
      value.origin = 'header';
      value.place = place;
      return value;
    }
    const title = 'toml::insert_value: failed to insert a table, table already defined';
    throw this.#conflict(title, place, {
      place: placeOf(value) ?? known.place,
      note: 'this table is explicitly defined',
    });
  }

  #addToArray(parent: TomlTable, name: ByteString, place: TomlPlace): TomlTable {
    const table = newTable('header', place);
    const known = parent.members.get(name);
    if (known === undefined) {
      const array: TomlArray = { kind: 'array', items: [table], isOfTables: true, place };
      parent.members.set(name, { value: array, place });
    } else if (isArray(known.value) && known.value.isOfTables) known.value.items.push(table);
    else {
      const title = 'toml::insert_value: failed to insert an array of tables, value already exists';
      throw this.#conflict(title, place, { place: known.place, note: 'but value already exists' });
    }
    return table;
  }

  #conflict(title: string, place: TomlPlace, other: { readonly place: TomlPlace; readonly note: string }): TomlError {
    return tomlError(this.#text, title, [{ place, note: 'inserting this' }, other]);
  }

  /** The table that the names lead to from `table`; those that are not there are made. */
  #descend(
    table: TomlTable,
    names: readonly ByteString[],
    made: { readonly origin: 'implicit' | 'dotted'; readonly place: TomlPlace },
  ): TomlTable {
    let inner = table;
    for (const name of names) {
      const known = inner.members.get(name);
      if (known === undefined) {
        const next = newTable(made.origin, made.place);
        inner.members.set(name, { value: next, place: made.place });
        inner = next;
        continue;
      }
      const last = isArray(known.value) && known.value.isOfTables ? known.value.items.at(-1) : known.value;
      const isOpen =
        last !== undefined &&
        isTable(last) &&
        last.origin !== 'inline' &&
        // What headers made is not added to by dotted keys, nor the other way round.
        (made.origin === 'implicit' ? true : last.origin === 'dotted' || last.origin === 'implicit');
      if (!isOpen || last === undefined || !isTable(last)) {
        const title = 'toml::insert_value: failed to insert a value, value already exists';
        throw this.#conflict(title, made.place, { place: known.place, note: 'but value already exists' });
      }
      inner = last;
    }
    return inner;
  }

  // Keys and values

  #key(): Key {
    const parts: ByteString[] = [];
    let start = this.#at;
    let end = this.#at;
    do {
      this.#skipSpace();
      if (parts.length === 0) start = this.#at;
      parts.push(brandAs<ByteString>(this.#simpleKey()));
      end = this.#at;
      this.#skipSpace();
    } while (this.#takes('.'));
    return { parts, place: { start, end } };
  }

  #simpleKey(): string {
    const char = this.#text[this.#at];
    if (char === '"' || char === "'") return this.#string(true);
    bareKey.lastIndex = this.#at;
    const found = bareKey.exec(this.#text)?.[0];
    if (found === undefined) {
      throw this.#error(
        'toml::parse_simple_key: invalid key: key must be "quoted", \'quoted-literal\', or bare key.',
        'expected alpha [a-zA-Z], digit [0-9], -, or _',
        ['non-ASCII scripts are allowed in toml v1.1.0, but not in v1.0.0.'],
      );
    }
    this.#at += found.length;
    return found;
  }

  #keyValue(table: TomlTable): void {
    const key = this.#key();
    if (!this.#takes('=')) {
      throw this.#error('toml::parse_key_value_pair: invalid key value separator `=`', 'expected =');
    }
    this.#skipSpace();
    const value = this.#value();
    const target = this.#descend(table, key.parts.slice(0, -1), { origin: 'dotted', place: key.place });
    const name = key.parts.at(-1) ?? brandAs<ByteString>('');
    const known = target.members.get(name);
    if (known !== undefined) {
      const title = 'toml::insert_value: failed to insert a value, value already exists';
      throw this.#conflict(title, key.place, {
        place: placeOf(known.value) ?? known.place,
        note: 'but value already exists',
      });
    }
    // The places of tables are those of their keys, of values their own.
    const place = { start: this.#valueStart, end: this.#valueEnd };
    target.members.set(name, { value, place });
  }

  #valueStart = 0;
  #valueEnd = 0;

  #value(): TomlValue {
    const start = this.#at;
    const value = this.#readValue();
    this.#valueStart = start;
    this.#valueEnd = this.#at;
    return value;
  }

  #readValue(): TomlValue {
    const char = this.#text[this.#at] ?? '';
    switch (char) {
      case '"':
      case "'":
        return brandAs<ByteString>(this.#string(false));
      case '[':
        return this.#nested(() => this.#array());
      case '{':
        return this.#nested(() => this.#inlineTable());
      case 't':
      case 'f':
        if (this.#takes('true')) return true;
        if (this.#takes('false')) return false;
        throw this.#error(
          'toml::parse_boolean: invalid boolean: boolean must be `true` or `false`, in lowercase. string must be surrounded by `"`',
          'expected true or false',
        );
      default:
        return this.#number();
    }
  }

  #nested<T>(read: () => T): T {
    if (++this.#depth > maxDepth) throw this.#error('values are nested too deeply', 'here');
    const value = read();
    this.#depth--;
    return value;
  }

  #string(isKey: boolean): string {
    const result = readTomlString(this.#text.slice(this.#at), isKey);
    if ('fault' in result) {
      const { form, quote, at } = result.fault;
      this.#at += at;
      throw this.#error(`toml::parse_${form}_string: invalid string format`, `expected ${quote}`);
    }
    this.#at += result.length;
    return result.value;
  }

  #number(): TomlValue {
    // The longest numbers with a meaning are far shorter.
    const rest = /[^\s,\]}#]*(?: \d[\d:.+Zz-]*)?/y;
    rest.lastIndex = this.#at;
    const result = readTomlNumber(rest.exec(this.#text)?.[0] ?? '');
    if (result === undefined) throw this.#error('bad format: unknown value appeared', 'here');
    if ('fault' in result) {
      const { title, note, at, hints } = result.fault;
      this.#at += at;
      throw this.#error(title, note, hints);
    }
    this.#at += result.length;
    return result.value;
  }

  #array(): TomlArray {
    const start = this.#at++;
    const items: TomlValue[] = [];
    for (;;) {
      this.#skipBlank();
      if (this.#takes(']')) break;
      if (this.#at >= this.#text.length) throw this.#unclosed(start, ']');
      items.push(this.#value());
      this.#skipBlank();
      if (this.#takes(',')) continue;
      if (this.#takes(']')) break;
      if (this.#at >= this.#text.length) throw this.#unclosed(start, ']');
      throw this.#error('toml::parse_array: expected value-separator `,` or closing `]`', 'here');
    }
    return { kind: 'array', items, isOfTables: false, place: { start, end: this.#at } };
  }

  #unclosed(start: number, bracket: string): TomlError {
    const title = `toml::parse_array: missing closing bracket \`${bracket}\``;
    const place = { start, end: this.#text.length };
    return tomlError(this.#text, title, [{ place, note: `expected \`${bracket}\`, reached EOF` }]);
  }

  #inlineTable(): TomlTable {
    const start = this.#at++;
    const table = newTable('dotted', { start, end: start });
    this.#skipSpace();
    if (!this.#takes('}')) {
      for (;;) {
        this.#skipSpace();
        this.#keyValue(table);
        this.#skipSpace();
        if (this.#takes('}')) break;
        if (this.#takes(',')) continue;
        throw this.#error('toml::parse_inline_table: expected value-separator `,` or closing `}`', 'here');
      }
    }
    closeTable(table);
    table.place = { start, end: this.#at };
    return table;
  }
}

function newTable(origin: TomlTable['origin'], place: TomlPlace): TomlTable {
  return { kind: 'table', members: new Map(), origin, place };
}

/** Nothing may be added to an inline table, nor to those within that dotted keys made. */
function closeTable(table: TomlTable): void {
  if (table.origin === 'inline') return;
  table.origin = 'inline';
  for (const { value } of table.members.values()) if (isTable(value)) closeTable(value);
}

export function isTable(value: TomlValue): value is TomlTable {
  return typeof value === 'object' && value.kind === 'table';
}

function isArray(value: TomlValue): value is TomlArray {
  return typeof value === 'object' && value.kind === 'array';
}

function placeOf(value: TomlValue): TomlPlace | undefined {
  return isTable(value) || isArray(value) ? value.place : undefined;
}
