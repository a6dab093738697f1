/** `builtins.toJSON`, and JSON of any value for the host. */
import { attrsCount, foundPosition, lookup, plainOf, shapeOf, valueAt } from '../attrs.ts';
import { Coerce, coerceToString } from '../coerce.ts';
import { uniteContexts } from '../context.ts';
import { ErrorKind, pushText, throwError } from '../error.ts';
import { force } from '../force.ts';
import { formatJsonFloat, throwNotUtf8 } from '../host.ts';
import { outPathSymbol, toStringSymbol } from '../known-symbols.ts';
import { FrameKind, enter, leave, pop } from '../log.ts';
import { moveTo, pushSiblings } from '../siblings.ts';
import { allocate } from '../memory.ts';
import {
  outputSize,
  takeOutput,
  truncateOutput,
  writeByte,
  writeBytes,
  writeInteger,
  writeString,
  writeText,
} from '../output.ts';
import { positionAt, symbolAt } from '../shape.ts';
import { StringObject, bytesOf, contextOf, lengthOf, stringWord } from '../string.ts';
import { nameOf } from '../symbol.ts';
import {
  BoxKind,
  Tag,
  type Word,
  addressOf,
  floatOf,
  intOf,
  isBoxed,
  isInt,
  listAt,
  listCount,
  missing,
  nullWord,
  tagOf,
  trueWord,
} from '../value.ts';
import { positionOf } from '../call.ts';
import { first } from './arguments.ts';
import { sortedByName } from './sets.ts';
import { isUtf8 } from './utf8.ts';

/** What is asked of a JSON text, as bits. */
const enum JsonFlag {
  /** Paths are copied to the store. */
  Copies = 1,
  /** What is not evaluated yet is evaluated. */
  Strict = 2,
}

/** A text that is being written at the end of the output. What else writes there meanwhile is taken off again. */
@unmanaged
class JsonWriter {
  flags: u32;
  context: usize;
  /** The first StringObject that is not UTF-8. As with C++ Nix, that is an error once all is evaluated. */
  invalid: usize;
  reserved: u32;
}

/** A StringObject: the JSON of a value, with what its strings depend on. */
export function jsonOf(word: Word, flags: u32): usize {
  const writer = changetype<JsonWriter>(allocate(16));
  writer.flags = flags;
  const start = outputSize();
  writeValue(writer, word, 0);
  if (writer.invalid != 0) throwNotUtf8(writer.invalid);
  const text = takeOutput(start);
  changetype<StringObject>(text).context = writer.context;
  return text;
}

export function toJson(args: usize): Word {
  return stringWord(jsonOf(first(args), JsonFlag.Copies | JsonFlag.Strict));
}

/** `pos` is where the value was asked for. */
function writeValue(writer: JsonWriter, word: Word, pos: u32): void {
  enter(pos);
  let value = word;
  if (tagOf(word) == Tag.Ref) {
    const content = load<u64>(<usize>word);
    if (tagOf(content) != Tag.Ref) value = content;
    else if (writer.flags & JsonFlag.Strict) {
      const size = outputSize();
      value = force(word, pos);
      truncateOutput(size);
    }
  }
  writeForced(writer, value, pos);
  leave();
}

function writeForced(writer: JsonWriter, value: Word, pos: u32): void {
  switch (tagOf(value)) {
    case Tag.Constant:
      return writeText(value == nullWord ? 'null' : value == trueWord ? 'true' : 'false');
    case Tag.String:
      return writeCoerced(writer, value, pos, 0);
    case Tag.Attrs:
      return writeAttrs(writer, value, pos);
    case Tag.List:
      return writeList(writer, addressOf(value), pos);
    default:
      if (isInt(value)) return writeInteger(intOf(value));
      if (isBoxed(value, BoxKind.Float)) return writeString(formatJsonFloat(floatOf(value)));
      if (isBoxed(value, BoxKind.Path)) {
        return writeCoerced(writer, value, pos, writer.flags & JsonFlag.Copies ? Coerce.Copy : Coerce.Canonical);
      }
      throwError(ErrorKind.Type, positionOf(value, pos), 'cannot convert %t1 to JSON', value, 0);
  }
}

/** The string that a value becomes. */
function writeCoerced(writer: JsonWriter, value: Word, pos: u32, flags: u32): void {
  const size = outputSize();
  const string = coerceToString(value, pos, flags, '');
  truncateOutput(size);
  writer.context = uniteContexts(writer.context, contextOf(string));
  writeQuoted(writer, string);
}

function writeList(writer: JsonWriter, list: usize, pos: u32): void {
  const count = listCount(list);
  writeByte(0x5b);
  const record = pushSiblings(FrameKind.JsonList, list, writer.flags);
  for (let i: u32 = 0; i < count; i++) {
    moveTo(record, i);
    if (i > 0) writeByte(0x2c);
    pushText(pos, 'while evaluating list element at index %u1', i);
    writeValue(writer, listAt(list, i), pos);
    pop();
  }
  pop();
  writeByte(0x5d);
}

function writeAttrs(writer: JsonWriter, value: Word, pos: u32): void {
  const attrs = addressOf(value);
  // A path that `__toString` gives is not copied.
  if (lookup(attrs, toStringSymbol) != missing) return writeCoerced(writer, value, pos, Coerce.Plain);
  const outPath = lookup(attrs, outPathSymbol);
  if (outPath != missing) return writeValue(writer, outPath, foundPosition);
  const plain = plainOf(attrs);
  const shape = shapeOf(plain);
  const order = sortedByName(shape);
  const count = attrsCount(plain);
  writeByte(0x7b);
  const record = pushSiblings(FrameKind.JsonAttrs, plain, writer.flags);
  for (let i: u32 = 0; i < count; i++) {
    moveTo(record, i);
    const index = load<u32>(order + ((<usize>i) << 2));
    const position = positionAt(shape, index);
    if (i > 0) writeByte(0x2c);
    writeQuoted(writer, nameOf(symbolAt(shape, index)));
    writeByte(0x3a);
    pushText(position, "while evaluating attribute '%n1'", symbolAt(shape, index));
    writeValue(writer, valueAt(plain, index), position);
    pop();
  }
  pop();
  writeByte(0x7d);
}

function writeQuoted(writer: JsonWriter, string: usize): void {
  const length = lengthOf(string);
  const bytes = bytesOf(string);
  if (writer.invalid == 0 && !isUtf8(bytes, length)) writer.invalid = string;
  writeByte(0x22);
  let start: u32 = 0;
  for (let i: u32 = 0; i < length; i++) {
    const byte = load<u8>(bytes + i);
    if (byte >= 0x20 && byte != 0x22 && byte != 0x5c) continue;
    writeBytes(bytes + start, i - start);
    start = i + 1;
    writeEscaped(byte);
  }
  writeBytes(bytes + start, length - start);
  writeByte(0x22);
}

function writeEscaped(byte: u32): void {
  writeByte(0x5c);
  const letter = escapeLetter(byte);
  if (letter != 0) return writeByte(letter);
  writeText('u00');
  writeByte(0x30 + (byte >>> 4));
  const low = byte & 15;
  writeByte(low < 10 ? 0x30 + low : 0x57 + low);
}

function escapeLetter(byte: u32): u32 {
  switch (byte) {
    case 0x08:
      return 0x62;
    case 0x09:
      return 0x74;
    case 0x0a:
      return 0x6e;
    case 0x0c:
      return 0x66;
    case 0x0d:
      return 0x72;
    case 0x22:
    case 0x5c:
      return byte;
    default:
      return 0;
  }
}
