/** `builtins.toXML`, and XML of any value for the host. */
import { LambdaNode, Formal, formalSize } from '../ast.ts';
import { attrsCount, foundPosition, lookup, plainOf, shapeOf, valueAt } from '../attrs.ts';
import { uniteContexts } from '../context.ts';
import { isDerivation } from '../equal.ts';
import { force } from '../force.ts';
import { FunctionKind, LambdaObject, functionKind } from '../function.ts';
import { formatShortFloat, resolvePosition, resolvedColumn, resolvedLine } from '../host.ts';
import { drvPathSymbol, outPathSymbol } from '../known-symbols.ts';
import { FrameKind, enter, leave, pop } from '../log.ts';
import { moveTo, pushSiblings } from '../siblings.ts';
import { allocate } from '../memory.ts';
import { outputSize, takeOutput, truncateOutput, writeByte, writeBytes, writeInteger, writeText } from '../output.ts';
import { positionAt, symbolAt } from '../shape.ts';
import { StringObject, bytesOf, compareStrings, contextOf, lengthOf, stringWord } from '../string.ts';
import { type Symbol, nameOf } from '../symbol.ts';
import {
  BoxKind,
  PathObject,
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
import { first } from './arguments.ts';
import { addKey, newKeySet } from './key-set.ts';
import { sortedByName } from './sets.ts';

/** What is asked of an XML text, as bits. */
const enum XmlFlag {
  /** What is not evaluated yet is evaluated. */
  Strict = 1,
  /** Attributes and functions come with where they are. */
  Locations = 2,
}

/** A text that is being written at the end of the output. What else writes there meanwhile is taken off again. */
@unmanaged
class XmlWriter {
  flags: u32;
  context: usize;
  /** A KeySet: paths of the derivations that were written. */
  seen: usize;
  depth: u32;
}

/** A StringObject: the XML of a value, with what its strings depend on. */
export function xmlOf(word: Word, flags: u32): usize {
  const writer = changetype<XmlWriter>(allocate(16));
  writer.flags = flags;
  writer.seen = newKeySet();
  writer.depth = 1;
  const start = outputSize();
  writeText("<?xml version='1.0' encoding='utf-8'?>\n<expr>\n");
  writeValue(writer, word, 0);
  writeText('</expr>\n');
  const text = takeOutput(start);
  changetype<StringObject>(text).context = writer.context;
  return text;
}

export function toXml(args: usize): Word {
  return stringWord(xmlOf(first(args), XmlFlag.Strict));
}

/** Evaluated where that is asked for. */
function valueOf(writer: XmlWriter, word: Word, pos: u32): Word {
  if (tagOf(word) != Tag.Ref) return word;
  const content = load<u64>(<usize>word);
  if (tagOf(content) != Tag.Ref) return content;
  if (!(writer.flags & XmlFlag.Strict)) return word;
  const size = outputSize();
  const value = force(word, pos);
  truncateOutput(size);
  return value;
}

// Elements: `open` or an attribute after the other, then one of the ends

function open(writer: XmlWriter, name: string): void {
  indent(writer);
  writeByte(0x3c);
  writeText(name);
}

function indent(writer: XmlWriter): void {
  for (let i: u32 = 0; i < writer.depth; i++) writeText('  ');
}

/** An attribute whose value is a StringObject. */
function addAttribute(name: string, value: usize): void {
  openAttribute(name);
  writeEscaped(value);
  writeByte(0x22);
}

function openAttribute(name: string): void {
  writeByte(0x20);
  writeText(name);
  writeText('="');
}

function endEmpty(): void {
  writeText(' />\n');
}

function endOpening(writer: XmlWriter): void {
  writeText('>\n');
  writer.depth++;
}

function close(writer: XmlWriter, name: string): void {
  writer.depth--;
  indent(writer);
  writeText('</');
  writeText(name);
  writeText('>\n');
}

function writeEmpty(writer: XmlWriter, name: string): void {
  open(writer, name);
  endEmpty();
}

function writeStringElement(writer: XmlWriter, name: string, value: usize): void {
  open(writer, name);
  addAttribute('value', value);
  endEmpty();
}

function writeEscaped(string: usize): void {
  const length = lengthOf(string);
  const bytes = bytesOf(string);
  let start: u32 = 0;
  for (let i: u32 = 0; i < length; i++) {
    const byte = load<u8>(bytes + i);
    if (byte > 0x3e || (byte != 0x22 && byte != 0x26 && byte != 0x3c && byte != 0x3e && byte != 0x0a)) continue;
    writeBytes(bytes + start, i - start);
    start = i + 1;
    writeText(entityOf(byte));
  }
  writeBytes(bytes + start, length - start);
}

function entityOf(byte: u32): string {
  switch (byte) {
    case 0x22:
      return '&quot;';
    case 0x26:
      return '&amp;';
    case 0x3c:
      return '&lt;';
    case 0x3e:
      return '&gt;';
    default:
      return '&#xA;';
  }
}

// Values

function writeValue(writer: XmlWriter, word: Word, pos: u32): void {
  enter(pos);
  writeForced(writer, valueOf(writer, word, pos), pos);
  leave();
}

function writeForced(writer: XmlWriter, value: Word, pos: u32): void {
  switch (tagOf(value)) {
    case Tag.Constant:
      if (value == nullWord) return writeEmpty(writer, 'null');
      open(writer, 'bool');
      writeText(value == trueWord ? ' value="true"' : ' value="false"');
      return endEmpty();
    case Tag.String:
      writer.context = uniteContexts(writer.context, contextOf(addressOf(value)));
      return writeStringElement(writer, 'string', addressOf(value));
    case Tag.List:
      return writeList(writer, addressOf(value), pos);
    case Tag.Attrs:
      return writeSet(writer, addressOf(value));
    case Tag.Function:
      if (functionKind(addressOf(value)) != FunctionKind.Lambda) return writeEmpty(writer, 'unevaluated');
      return writeFunction(writer, changetype<LambdaObject>(addressOf(value)).node);
    default:
      return writeScalar(writer, value);
  }
}

function writeScalar(writer: XmlWriter, value: Word): void {
  if (isInt(value)) {
    open(writer, 'int');
    openAttribute('value');
    writeInteger(intOf(value));
    writeByte(0x22);
    endEmpty();
  } else if (isBoxed(value, BoxKind.Float)) {
    writeStringElement(writer, 'float', formatShortFloat(floatOf(value)));
  } else if (isBoxed(value, BoxKind.Path)) {
    writeStringElement(writer, 'path', changetype<PathObject>(addressOf(value)).text);
  } else writeEmpty(writer, 'unevaluated');
}

function writeList(writer: XmlWriter, list: usize, pos: u32): void {
  open(writer, 'list');
  endOpening(writer);
  const record = pushSiblings(FrameKind.XmlList, list, writer.flags);
  for (let i: u32 = 0; i < listCount(list); i++) {
    moveTo(record, i);
    writeValue(writer, listAt(list, i), pos);
  }
  pop();
  close(writer, 'list');
}

function writeSet(writer: XmlWriter, attrs: usize): void {
  const size = outputSize();
  const isPackage = isDerivation(attrs);
  truncateOutput(size);
  if (isPackage) return writeDerivation(writer, attrs);
  open(writer, 'attrs');
  endOpening(writer);
  writeAttributes(writer, attrs);
  close(writer, 'attrs');
}

function writeDerivation(writer: XmlWriter, attrs: usize): void {
  const drvPath = stringAttribute(writer, attrs, drvPathSymbol);
  const outPath = stringAttribute(writer, attrs, outPathSymbol);
  open(writer, 'derivation');
  if (drvPath != 0) addAttribute('drvPath', drvPath);
  if (outPath != 0) addAttribute('outPath', outPath);
  endOpening(writer);
  const isNew = drvPath != 0 && lengthOf(drvPath) > 0 && addKey(writer.seen, stringWord(drvPath), 0);
  if (isNew) writeAttributes(writer, attrs);
  else writeEmpty(writer, 'repeated');
  close(writer, 'derivation');
}

/** The StringObject of an attribute; 0 where it is missing or no string. */
function stringAttribute(writer: XmlWriter, attrs: usize, symbol: Symbol): usize {
  const word = lookup(attrs, symbol);
  if (word == missing) return 0;
  const value = valueOf(writer, word, foundPosition);
  return tagOf(value) == Tag.String ? addressOf(value) : 0;
}

function writeAttributes(writer: XmlWriter, attrs: usize): void {
  const plain = plainOf(attrs);
  const shape = shapeOf(plain);
  const order = sortedByName(shape);
  const record = pushSiblings(FrameKind.XmlAttrs, plain, writer.flags);
  for (let i: u32 = 0; i < attrsCount(plain); i++) {
    moveTo(record, i);
    const index = load<u32>(order + ((<usize>i) << 2));
    open(writer, 'attr');
    const file = addPlace(writer, positionAt(shape, index));
    addAttribute('name', nameOf(symbolAt(shape, index)));
    if (file != 0) addAttribute('path', file);
    endOpening(writer);
    writeValue(writer, valueAt(plain, index), positionAt(shape, index));
    close(writer, 'attr');
  }
  pop();
}

/** Writes column and line where they are wanted. The StringObject of the file, which comes later; 0 for none. */
function addPlace(writer: XmlWriter, pos: u32): usize {
  if (!(writer.flags & XmlFlag.Locations) || pos == 0) return 0;
  const file = resolvePosition(pos);
  openAttribute('column');
  writeInteger(resolvedColumn());
  writeText('" line="');
  writeInteger(resolvedLine());
  writeByte(0x22);
  return file;
}

function writeFunction(writer: XmlWriter, node: usize): void {
  const lambda = changetype<LambdaNode>(node);
  open(writer, 'function');
  const file = addPlace(writer, lambda.pos);
  if (file != 0) addAttribute('path', file);
  endOpening(writer);
  if (lambda.hasFormals) writeFormals(writer, lambda);
  else {
    open(writer, 'varpat');
    addAttribute('name', nameOf(lambda.argument));
    endEmpty();
  }
  close(writer, 'function');
}

function writeFormals(writer: XmlWriter, lambda: LambdaNode): void {
  open(writer, 'attrspat');
  if (lambda.ellipsis) writeText(' ellipsis="1"');
  if (lambda.argument != 0) addAttribute('name', nameOf(lambda.argument));
  endOpening(writer);
  const count = lambda.count;
  const names = allocate((<usize>count) << 2);
  // Inserted where they belong: functions have few arguments.
  for (let i: u32 = 0; i < count; i++) {
    const name = nameOf(changetype<Formal>(lambda.formals + <usize>i * formalSize).symbol);
    let at = i;
    while (at > 0 && compareStrings(name, load<u32>(names + ((<usize>(at - 1)) << 2))) < 0) {
      store<u32>(names + ((<usize>at) << 2), load<u32>(names + ((<usize>(at - 1)) << 2)));
      at--;
    }
    store<u32>(names + ((<usize>at) << 2), <u32>name);
  }
  for (let i: u32 = 0; i < count; i++) {
    open(writer, 'attr');
    addAttribute('name', load<u32>(names + ((<usize>i) << 2)));
    endEmpty();
  }
  close(writer, 'attrspat');
}
