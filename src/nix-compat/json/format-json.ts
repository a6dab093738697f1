import { type ByteString, brandAs, displayBytes, textOf } from '../../base/index.ts';
import { NixCompatError } from '../error.ts';
import { formatFloat } from './format-float.ts';
import { type JsonValue, isJsonArray, isJsonObject } from './json-value.ts';

/**
 * Writes `value` as C++ Nix does, to the byte: keys in byte order, no white space, or one entry a line indented by
 * `indent` spaces a level. Throws `json/not-utf8` for a string that is not UTF-8.
 */
export function formatJson(value: JsonValue, indent?: number): ByteString {
  // No recursion: `open` holds what is left to write of each container, so depth costs heap and not stack.
  const open: Iterator<readonly [prefix: string, value: JsonValue], string>[] = [];
  const pad = indent === undefined ? undefined : ' '.repeat(indent);
  let text = '';
  let next: JsonValue | undefined = value;
  for (;;) {
    if (next !== undefined) {
      if (isJsonArray(next) || isJsonObject(next)) {
        open.push(isJsonArray(next) ? arrayPieces(next, newline(pad, open)) : objectPieces(next, newline(pad, open)));
      } else text += formatScalar(next);
    }
    const top = open.at(-1);
    if (top === undefined) return brandAs<ByteString>(text);
    const piece = top.next();
    if (piece.done === true) {
      text += piece.value;
      next = undefined;
      open.pop();
    } else {
      text += piece.value[0];
      next = piece.value[1];
    }
  }
}

/** What separates entries: the line break with the indentation of the entries, and of the closing bracket. */
interface Layout {
  readonly before: string;
  readonly last: string;
  readonly colon: string;
}

const compact: Layout = { before: '', last: '', colon: ':' };

function newline(pad: string | undefined, open: readonly unknown[]): Layout {
  if (pad === undefined) return compact;
  return { before: `\n${pad.repeat(open.length + 1)}`, last: `\n${pad.repeat(open.length)}`, colon: ': ' };
}

type Pieces = Generator<readonly [prefix: string, value: JsonValue], string, undefined>;

function* arrayPieces(items: readonly JsonValue[], layout: Layout): Pieces {
  let prefix = '[';
  for (const item of items) {
    yield [prefix + layout.before, item];
    prefix = ',';
  }
  return items.length === 0 ? '[]' : `${layout.last}]`;
}

function* objectPieces(entries: ReadonlyMap<ByteString, JsonValue>, layout: Layout): Pieces {
  let prefix = '{';
  for (const key of [...entries.keys()].toSorted()) {
    yield [prefix + layout.before + formatString(key) + layout.colon, entries.get(key) ?? null];
    prefix = ',';
  }
  return entries.size === 0 ? '{}' : `${layout.last}}`;
}

function formatScalar(value: null | boolean | bigint | number | ByteString): string {
  if (typeof value === 'string') return formatString(value);
  return typeof value === 'number' ? formatFloat(value) : String(value);
}

const special = /["\\\u0000-\u001f]/g;
const shortEscapes: ReadonlyMap<string, string> = new Map([
  ['"', '\\"'],
  ['\\', '\\\\'],
  ['\b', '\\b'],
  ['\f', '\\f'],
  ['\n', '\\n'],
  ['\r', '\\r'],
  ['\t', '\\t'],
]);

function formatString(text: ByteString): string {
  if (textOf(text) === undefined) {
    throw new NixCompatError('json/not-utf8', `cannot write as JSON, not UTF-8: '${displayBytes(text).slice(0, 100)}'`);
  }
  return `"${text.replace(special, escapeOf)}"`;
}

function escapeOf(character: string): string {
  return shortEscapes.get(character) ?? `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`;
}
