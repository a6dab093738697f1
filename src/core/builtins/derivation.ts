/**
 * `derivationStrict`, of derivations whose outputs' paths follow from their inputs or from a hash, and whose attributes
 * become variables. The host makes all others, from the beginning, and reports what is wrong: what was evaluated until it
 * turned out that one is the host's stays so.
 */
import { attrsCount, foundPosition, lookup, plainOf, shapeOf, valueAt } from '../attrs.ts';
import { Coerce, coerceToString, forceAttrs, forceBool, forceList, forceStringNoContext } from '../coerce.ts';
import { uniteContexts } from '../context.ts';
import { addressAt, newAddresses, setAddressAt } from '../derivation/addresses.ts';
import { Draft, Output, newDraft } from '../derivation/draft.ts';
import { finishDerivation } from '../derivation/finish.ts';
import { Order, sortAddresses } from '../derivation/sort-addresses.ts';
import { isStoreName } from '../derivation/store-path.ts';
import { pushText } from '../error.ts';
import { force } from '../force.ts';
import { deriveByHost } from '../host.ts';
import { hostResult } from '../host-result.ts';
import {
  argsSymbol,
  builderSymbol,
  contentAddressedSymbol,
  ignoreNullsSymbol,
  impureSymbol,
  jsonSymbol,
  nameSymbol,
  outputHashAlgoSymbol,
  outputHashModeSymbol,
  outputHashSymbol,
  outputsSymbol,
  structuredAttrsSymbol,
  systemSymbol,
} from '../known-symbols.ts';
import { FrameKind, pop, push } from '../log.ts';
import { allocate } from '../memory.ts';
import { positionAt, symbolAt } from '../shape.ts';
import { moveTo, pushSiblings } from '../siblings.ts';
import { bytesOf, compareStrings, contextOf, copyString, equalStrings, lengthOf, stringOfText } from '../string.ts';
import { type Symbol, nameOf } from '../symbol.ts';
import { type Word, listAt, listCount, missing, nullWord } from '../value.ts';
import { first } from './arguments.ts';
import { requireAttr, sortedByName } from './sets.ts';

const coercion: u32 = Coerce.More | Coerce.Copy | Coerce.Canonical;

export function derivationStrict(args: usize): Word {
  const attrs = forceAttrs(first(args), 0, 'while evaluating the argument passed to builtins.derivationStrict');
  const nameWord = requireAttr(attrs, nameSymbol, 'in the attrset passed as argument to builtins.derivationStrict');
  const namePosition = foundPosition;
  pushText(namePosition, "while evaluating the derivation attribute 'name'", 0);
  const nameText = 'while evaluating the `name` attribute passed to builtins.derivationStrict';
  const name = forceStringNoContext(nameWord, 0, nameText);
  pop();
  if (!isOrdinary(attrs, name)) return byHost(args);
  push(FrameKind.Derivation, namePosition, <u32>name, 0);
  const made = makeDerivation(attrs, name);
  pop();
  return made == 0 ? byHost(args) : made;
}

function byHost(args: usize): Word {
  deriveByHost(args);
  return hostResult();
}

/** Whether nothing that is plain to see makes the derivation the host's. */
function isOrdinary(attrs: usize, name: usize): bool {
  const length = lengthOf(name);
  const bytes = bytesOf(name);
  // Behind the name comes `.drv`, where it must not be before.
  if (!isStoreName(bytes, length, 4)) return false;
  if (length >= 4 && load<u32>(bytes + length - 4) == 0x7672642e) return false;
  return (
    lookup(attrs, contentAddressedSymbol) == missing &&
    lookup(attrs, impureSymbol) == missing &&
    lookup(attrs, jsonSymbol) == missing
  );
}

/** 0 for what is the host's. */
function makeDerivation(attrs: usize, name: usize): Word {
  if (flag(attrs, structuredAttrsSymbol, structuredText)) return 0;
  const ignoresNulls = flag(attrs, ignoreNullsSymbol, ignoreNullsText);
  const plain = plainOf(attrs);
  const shape = shapeOf(plain);
  const order = sortedByName(shape);
  const count = attrsCount(plain);
  const draft = newDraft(name);
  draft.variables = allocate((<usize>count) << 3);
  const record = pushSiblings(FrameKind.DerivationAttrs, plain, 0);
  for (let i: u32 = 0; i < count; i++) {
    moveTo(record, i);
    const index = <u32>addressAt(order, i);
    const symbol = symbolAt(shape, index);
    if (symbol == ignoreNullsSymbol) continue;
    push(FrameKind.DerivationAttribute, positionAt(shape, index), symbol, <u32>name);
    const word = valueAt(plain, index);
    const isRead = (ignoresNulls && force(word, 0) == nullWord) || readAttribute(draft, symbol, word);
    pop();
    if (!isRead) {
      pop();
      return 0;
    }
  }
  pop();
  return isComplete(draft) ? finishDerivation(draft) : 0;
}

const structuredText = 'while evaluating the `__structuredAttrs` attribute passed to builtins.derivationStrict';
const ignoreNullsText = 'while evaluating the `__ignoreNulls` attribute passed to builtins.derivationStrict';

function flag(attrs: usize, symbol: Symbol, text: string): bool {
  const word = lookup(attrs, symbol);
  return word != missing && forceBool(word, 0, text);
}

/** False for an attribute that makes the derivation the host's. */
function readAttribute(draft: Draft, symbol: Symbol, word: Word): bool {
  if (symbol == argsSymbol) {
    readArguments(draft, forceList(word, 0, ''));
    return true;
  }
  const string = coerceToString(word, 0, coercion, '');
  draft.context = uniteContexts(draft.context, contextOf(string));
  const variable = draft.variables + ((<usize>draft.variableCount) << 3);
  draft.variableCount++;
  store<u32>(variable, <u32>nameOf(symbol));
  store<u32>(variable, <u32>string, 4);
  if (symbol == builderSymbol) draft.builder = string;
  else if (symbol == systemSymbol) draft.platform = string;
  else if (symbol == outputsSymbol) return readOutputs(draft, string);
  else if (symbol == outputHashSymbol) draft.outputHash = string;
  else if (symbol == outputHashAlgoSymbol) draft.outputHashAlgo = string;
  else if (symbol == outputHashModeSymbol) {
    draft.outputHashMode = string;
    return isOneOf(string, 'flat', 'recursive', 'nar');
  }
  return true;
}

function isOneOf(string: usize, a: string, b: string, c: string): bool {
  return (
    equalStrings(string, stringOfText(a)) ||
    equalStrings(string, stringOfText(b)) ||
    equalStrings(string, stringOfText(c))
  );
}

function readArguments(draft: Draft, list: usize): void {
  const count = listCount(list);
  draft.args = newAddresses(count);
  draft.argCount = count;
  const record = pushSiblings(FrameKind.CoerceList, list, coercion);
  for (let i: u32 = 0; i < count; i++) {
    moveTo(record, i);
    const string = coerceToString(listAt(list, i), 0, coercion, 'while evaluating an element of the argument list');
    setAddressAt(draft.args, i, string);
    draft.context = uniteContexts(draft.context, contextOf(string));
  }
  pop();
}

// Outputs

/** The names that a text lists. False where there is something wrong with them. */
function readOutputs(draft: Draft, text: usize): bool {
  const bytes = bytesOf(text);
  const length = lengthOf(text);
  // At most one name for every other byte.
  const names = newAddresses((length >> 1) + 1);
  let count: u32 = 0;
  let at: u32 = 0;
  while (at < length) {
    if (isBlank(load<u8>(bytes + at))) {
      at++;
      continue;
    }
    const start = at;
    while (at < length && !isBlank(load<u8>(bytes + at))) at++;
    setAddressAt(names, count++, copyString(bytes + start, at - start, 0));
  }
  sortAddresses(names, count, Order.Strings);
  if (count == 0 || !areOutputNames(names, count, lengthOf(draft.name))) return false;
  setOutputs(draft, names, count);
  return true;
}

function isBlank(byte: u32): bool {
  return byte == 0x20 || byte == 0x09 || byte == 0x0a || byte == 0x0d;
}

/** Whether each is there once, may follow a name of that length and a dash, and is none that the result has anyway. */
function areOutputNames(names: usize, count: u32, nameLength: u32): bool {
  const drvPath = stringOfText('drvPath');
  for (let i: u32 = 0; i < count; i++) {
    const name = addressAt(names, i);
    if (!isStoreName(bytesOf(name), lengthOf(name), nameLength + 1)) return false;
    if (equalStrings(name, drvPath)) return false;
    if (i > 0 && compareStrings(addressAt(names, i - 1), name) == 0) return false;
  }
  return true;
}

function setOutputs(draft: Draft, names: usize, count: u32): void {
  draft.outputs = newAddresses(count);
  draft.outputCount = count;
  for (let i: u32 = 0; i < count; i++) {
    const output = changetype<Output>(allocate(offsetof<Output>()));
    output.name = addressAt(names, i);
    setAddressAt(draft.outputs, i, changetype<usize>(output));
  }
}

/** Whether the attributes say all that is needed. Without any outputs there is one, `out`. */
function isComplete(draft: Draft): bool {
  if (draft.builder == 0 || lengthOf(draft.builder) == 0) return false;
  if (draft.platform == 0 || lengthOf(draft.platform) == 0) return false;
  const out = stringOfText('out');
  if (draft.outputCount == 0) {
    const names = newAddresses(1);
    setAddressAt(names, 0, out);
    setOutputs(draft, names, 1);
  }
  if (draft.outputHash == 0) return true;
  return draft.outputCount == 1 && equalStrings(changetype<Output>(addressAt(draft.outputs, 0)).name, out);
}
