/** Derivations as text, which is what is stored and hashed. */
import { addressAt } from './addresses.ts';
import { Draft, type Input, inputAt, outputAt } from './draft.ts';
import { writeByte, writeBytes, writeString, writeText } from '../output.ts';
import { bytesOf, compareStrings, equalStrings, lengthOf } from '../string.ts';
import { hashDigits, storeDir } from './store-path.ts';

export const enum Form {
  /** What is stored. */
  Stored,
  /** What the hash is of that stands for the derivation in others: with hashes in place of inputs. */
  Modulo,
  /** What the hash is of that output paths are made of: as `Modulo`, without these paths. */
  Masked,
}

/** Writes the text to the output. Output names and the platform are written as they are: no reader can unescape them. */
export function writeDerivation(draft: Draft, form: Form): void {
  writeText('Derive([');
  writeOutputs(draft, form);
  writeText('],[');
  if (form == Form.Stored) writeInputs(draft);
  else writeHashedInputs(draft);
  writeText('],[');
  for (let i: u32 = 0; i < draft.sourceCount; i++) {
    writeText(i == 0 ? '"' : ',"');
    writePath(addressAt(draft.sources, i));
    writeByte(0x22);
  }
  writeText('],"');
  writeString(draft.platform);
  writeText('",');
  writeQuoted(draft.builder);
  writeText(',[');
  for (let i: u32 = 0; i < draft.argCount; i++) {
    if (i > 0) writeByte(0x2c);
    writeQuoted(addressAt(draft.args, i));
  }
  writeText('],[');
  writeEnvironment(draft, form);
  writeText('])');
}

function writeOutputs(draft: Draft, form: Form): void {
  for (let i: u32 = 0; i < draft.outputCount; i++) {
    const output = outputAt(draft, i);
    writeText(i == 0 ? '("' : ',("');
    writeString(output.name);
    writeText('","');
    if (form != Form.Masked) writeString(output.printed);
    writeText('","');
    if (draft.fixedMode != 0) writeString(draft.fixedMode);
    writeText('","');
    if (draft.fixedHash != 0) writeString(draft.fixedHash);
    writeText('")');
  }
}

/** A derivation with its outputs after the other. */
function writeInputs(draft: Draft): void {
  for (let i: u32 = 0; i < draft.inputCount; i++) {
    const input = inputAt(draft.inputs, i);
    if (i > 0 && equalStrings(inputAt(draft.inputs, i - 1).derivation, input.derivation)) writeText(',"');
    else {
      writeText(i == 0 ? '("' : ']),("');
      writePath(input.derivation);
      writeText('",["');
    }
    writeString(input.output);
    writeByte(0x22);
  }
  if (draft.inputCount > 0) writeText('])');
}

function writeHashedInputs(draft: Draft): void {
  for (let i: u32 = 0; i < draft.inputCount; i++) {
    const input = inputAt(draft.inputsByHash, i);
    if (i == 0) openHashed(input, '("');
    else {
      const last = inputAt(draft.inputsByHash, i - 1);
      if (memory.compare(last.hash, input.hash, hashDigits) != 0) openHashed(input, ']),("');
      else if (equalStrings(last.output, input.output)) continue;
      else writeText(',"');
    }
    writeString(input.output);
    writeByte(0x22);
  }
  if (draft.inputCount > 0) writeText('])');
}

function openHashed(input: Input, opening: string): void {
  writeText(opening);
  writeBytes(input.hash, hashDigits);
  writeText('",["');
}

/** The variables, with one for each output among them. */
function writeEnvironment(draft: Draft, form: Form): void {
  let output: u32 = 0;
  let isFirst = true;
  for (let i: u32 = 0; i < draft.variableCount; i++) {
    const variable = draft.variables + ((<usize>i) << 3);
    const name: usize = load<u32>(variable);
    let order: i32 = 1;
    while (output < draft.outputCount) {
      order = compareStrings(outputAt(draft, output).name, name);
      if (order > 0) break;
      writeOutputVariable(draft, output++, form, isFirst);
      isFirst = false;
      if (order == 0) break;
    }
    // An attribute named as an output is: the output's path counts.
    if (order == 0) continue;
    writeText(isFirst ? '(' : ',(');
    isFirst = false;
    writeQuoted(name);
    writeByte(0x2c);
    writeQuoted(load<u32>(variable, 4));
    writeByte(0x29);
  }
  for (; output < draft.outputCount; output++) {
    writeOutputVariable(draft, output, form, isFirst);
    isFirst = false;
  }
}

function writeOutputVariable(draft: Draft, index: u32, form: Form, isFirst: bool): void {
  const output = outputAt(draft, index);
  writeText(isFirst ? '("' : ',("');
  writeString(output.name);
  writeText('","');
  if (form != Form.Masked) writeString(output.printed);
  writeText('")');
}

/** `STOREDIR/BASENAME` */
export function writePath(path: usize): void {
  writeString(storeDir());
  writeByte(0x2f);
  writeString(path);
}

function writeQuoted(string: usize): void {
  const end = bytesOf(string) + lengthOf(string);
  writeByte(0x22);
  let start = bytesOf(string);
  for (let at = findSpecial(start, end); at < end; at = findSpecial(start, end)) {
    writeBytes(start, at - start);
    writeByte(0x5c);
    writeByte(escapeOf(load<u8>(at)));
    start = at + 1;
  }
  writeBytes(start, end - start);
  writeByte(0x22);
}

const ones: u64 = 0x0101010101010101;
const highs: u64 = 0x8080808080808080;

/** The first byte that has to be escaped, or `end`: eight at a time where there is none. */
function findSpecial(from: usize, end: usize): usize {
  let at = from;
  while (at + 8 <= end && !hasCandidate(load<u64>(at))) at += 8;
  while (at < end && !isSpecial(load<u8>(at))) {
    at++;
    while (at + 8 <= end && !hasCandidate(load<u64>(at))) at += 8;
  }
  return at;
}

/** Whether a byte is a quote, a backslash, or below 0x0e. */
function hasCandidate(word: u64): bool {
  const quotes = word ^ (ones * 0x22);
  const backslashes = word ^ (ones * 0x5c);
  const small = (word - ones * 0x0e) & ~word;
  return ((((quotes - ones) & ~quotes) | ((backslashes - ones) & ~backslashes) | small) & highs) != 0;
}

function isSpecial(byte: u32): bool {
  return byte == 0x22 || byte == 0x5c || byte == 0x0a || byte == 0x0d || byte == 0x09;
}

function escapeOf(byte: u32): u32 {
  if (byte == 0x0a) return 0x6e;
  if (byte == 0x0d) return 0x72;
  return byte == 0x09 ? 0x74 : byte;
}
