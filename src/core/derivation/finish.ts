/** From what the attributes of a derivation say to its store path, those of its outputs, and its text. */
import { attrsOfEntries, attrsWord, newEntries, setEntry, setEntryWord } from '../attrs.ts';
import { contextAt, contextCount, contextOfOne, uniteContexts } from '../context.ts';
import { closureContext, derivationMade, fixedOutput } from '../host.ts';
import { drvPathSymbol } from '../known-symbols.ts';
import { allocate } from '../memory.ts';
import { outputSize, outputStart, takeOutput, truncateOutput, writeByte, writeString, writeText } from '../output.ts';
import { bytesOf, compareStrings, copyString, lengthOf, stringWord } from '../string.ts';
import { type Symbol, intern, nameOf } from '../symbol.ts';
import type { Word } from '../value.ts';
import { addressAt, newAddresses, setAddressAt } from './addresses.ts';
import { Form, writeDerivation, writePath } from './aterm.ts';
import { type Draft, inputAt, outputAt } from './draft.ts';
import { inputOf, newMade, rememberDerivation, rememberInput } from './made.ts';
import { Order, sortAddresses } from './sort-addresses.ts';
import { makeStorePath, printStorePath, takeHash } from './store-path.ts';

/** The set of the paths; 0 for a derivation that only the host can make. */
export function finishDerivation(draft: Draft): Word {
  if (!readInputs(draft)) return 0;
  const start = outputSize();
  let modulo: usize;
  if (draft.outputHash != 0) modulo = placeFixed(draft);
  else {
    writeDerivation(draft, Form.Masked);
    placeOutputs(draft, takeHash(start));
    writeDerivation(draft, Form.Modulo);
    modulo = takeHash(start);
  }
  writeDerivation(draft, Form.Stored);
  const length = <u32>(outputSize() - start);
  const text = allocate(length);
  memory.copy(text, outputStart() + start, length);
  const path = derivationPath(draft, takeHash(start));
  const element = symbolOf('=', 0, path);
  const made = newMade(path, text, length);
  rememberDerivation(element, made);
  derivationMade(changetype<usize>(made));
  return resultOf(draft, path, element, modulo);
}

/** What the context says is needed. False where that is not all known here. */
function readInputs(draft: Draft): bool {
  const context = flatContext(draft.context);
  const count = contextCount(context);
  draft.sources = newAddresses(count);
  draft.inputs = newAddresses(count);
  for (let i: u32 = 0; i < count; i++) {
    const element = contextAt(context, i);
    const name = nameOf(element);
    if (load<u8>(bytesOf(name)) != 0x21) {
      setAddressAt(draft.sources, draft.sourceCount, name);
      draft.sourceCount++;
      continue;
    }
    const input = inputOf(element);
    if (input == 0) return false;
    setAddressAt(draft.inputs, draft.inputCount, input);
    draft.inputCount++;
  }
  sortAddresses(draft.sources, draft.sourceCount, Order.Strings);
  sortAddresses(draft.inputs, draft.inputCount, Order.InputsByPath);
  draft.inputsByHash = newAddresses(draft.inputCount);
  memory.copy(draft.inputsByHash, draft.inputs, (<usize>draft.inputCount) << 2);
  sortAddresses(draft.inputsByHash, draft.inputCount, Order.InputsByHash);
  return true;
}

/** The context with paths and outputs in place of derivations with all that they need. */
function flatContext(context: usize): usize {
  const count = contextCount(context);
  let first: u32 = 0;
  while (first < count && !isDeep(contextAt(context, first))) first++;
  if (first == count) return context;
  let flat: usize = 0;
  for (let i: u32 = 0; i < count; i++) {
    const element = contextAt(context, i);
    flat = uniteContexts(flat, isDeep(element) ? closureContext(element) : contextOfOne(element));
  }
  return flat;
}

function isDeep(element: Symbol): bool {
  return load<u8>(bytesOf(nameOf(element))) == 0x3d;
}

// Outputs

/** Gives the outputs their paths, which follow from the hash whose digits are at `hash`. */
function placeOutputs(draft: Draft, hash: usize): void {
  for (let i: u32 = 0; i < draft.outputCount; i++) {
    const output = outputAt(draft, i);
    const start = outputSize();
    writeText('output:');
    writeString(output.name);
    output.path = makeStorePath(start, hash, draft.name, isOut(output.name) ? 0 : output.name);
    output.printed = printStorePath(output.path, 0);
  }
}

function isOut(name: usize): bool {
  return lengthOf(name) == 3 && load<u16>(bytesOf(name)) == 0x756f && load<u8>(bytesOf(name), 2) == 0x74;
}

const fixedFields = memory.data(12);

/** As `placeOutputs`, of the one output whose contents are known. Returns the derivation's hash modulo. */
function placeFixed(draft: Draft): usize {
  fixedOutput(draft.name, draft.outputHash, draft.outputHashAlgo, draft.outputHashMode, fixedFields);
  const output = outputAt(draft, 0);
  output.printed = addressAt(fixedFields, 0);
  draft.fixedMode = addressAt(fixedFields, 1);
  draft.fixedHash = addressAt(fixedFields, 2);
  const start = outputSize();
  writeText('fixed:out:');
  writeString(draft.fixedMode);
  writeByte(0x3a);
  writeString(draft.fixedHash);
  writeByte(0x3a);
  writeString(output.printed);
  return takeHash(start);
}

// The derivation itself

/** Its base name, which follows from the text, whose hash's digits are at `hash`, and from all that is needed. */
function derivationPath(draft: Draft, hash: usize): usize {
  const start = outputSize();
  writeText('text');
  let source: u32 = 0;
  let input: u32 = 0;
  let last: usize = 0;
  while (source < draft.sourceCount || input < draft.inputCount) {
    const a: usize = source < draft.sourceCount ? addressAt(draft.sources, source) : 0;
    const b: usize = input < draft.inputCount ? inputAt(draft.inputs, input).derivation : 0;
    const order = a == 0 ? 1 : b == 0 ? -1 : compareStrings(a, b);
    const next = order <= 0 ? a : b;
    if (order <= 0) source++;
    else input++;
    if (last != 0 && compareStrings(last, next) == 0) continue;
    last = next;
    writeByte(0x3a);
    writePath(next);
  }
  return makeStorePath(start, hash, nameOfFile(draft.name), 0);
}

function nameOfFile(name: usize): usize {
  const start = outputSize();
  writeString(name);
  writeText('.drv');
  return takeOutput(start);
}

/** `{ drvPath = …; out = …; }`, whose strings depend on the derivation with all that it needs, and on its outputs. */
function resultOf(draft: Draft, path: usize, element: Symbol, modulo: usize): Word {
  const count = draft.outputCount;
  const entries = newEntries(count + 1);
  setEntry(entries, 0, drvPathSymbol, 0);
  setEntryWord(entries, 0, stringWord(printStorePath(path, contextOfOne(element))));
  for (let i: u32 = 0; i < count; i++) {
    const output = outputAt(draft, i);
    const needed = symbolOf('!', output.name, path);
    rememberInput(needed, path, output.name, modulo);
    const printed = copyString(bytesOf(output.printed), lengthOf(output.printed), contextOfOne(needed));
    setEntry(entries, i + 1, intern(bytesOf(output.name), lengthOf(output.name)), 0);
    setEntryWord(entries, i + 1, stringWord(printed));
  }
  return attrsWord(attrsOfEntries(entries, count + 1));
}

/** The symbol of a context element: `=PATH`, or `!OUTPUT!PATH`. */
function symbolOf(mark: string, output: usize, path: usize): Symbol {
  const start = outputSize();
  writeText(mark);
  if (output != 0) {
    writeString(output);
    writeText(mark);
  }
  writeString(path);
  const symbol = intern(outputStart() + start, <u32>(outputSize() - start));
  truncateOutput(start);
  return symbol;
}
