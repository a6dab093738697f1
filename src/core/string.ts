/** Strings are bytes of no promised encoding, with the store paths that they depend on. */
import { allocate } from './memory.ts';
import { Tag, type Word, wordOf } from './value.ts';

/** `length` bytes follow. Never written to once a value refers to it. */
@unmanaged
export class StringObject {
  /** In bytes. */
  length: u32;
  /** Address of a ContextObject; 0 for none. */
  context: usize;
}

export const stringHeader: usize = 8;

export function newString(length: u32, context: usize): usize {
  const string = allocate(stringHeader + length);
  changetype<StringObject>(string).length = length;
  changetype<StringObject>(string).context = context;
  return string;
}

/** A string with a copy of `length` bytes at `from`. */
export function copyString(from: usize, length: u32, context: usize): usize {
  const string = newString(length, context);
  memory.copy(string + stringHeader, from, length);
  return string;
}

/** A string of a text in the program, which is ASCII. */
export function stringOfText(text: string): usize {
  const length = text.length;
  const string = newString(length, 0);
  // AssemblyScript's strings are UTF-16.
  for (let i = 0; i < length; i++)
    store<u8>(string + stringHeader + i, <u8>load<u16>(changetype<usize>(text) + ((<usize>i) << 1)));
  return string;
}

export function stringWord(string: usize): Word {
  return wordOf(Tag.String, string);
}

export function lengthOf(string: usize): u32 {
  return changetype<StringObject>(string).length;
}

export function contextOf(string: usize): usize {
  return changetype<StringObject>(string).context;
}

/** Address of the first byte. */
export function bytesOf(string: usize): usize {
  return string + stringHeader;
}

/** Negative, 0 or positive, byte by byte as memcmp does; of strings that agree the shorter is first. */
export function compareStrings(a: usize, b: usize): i32 {
  const lengthA = lengthOf(a);
  const lengthB = lengthOf(b);
  const order = memory.compare(bytesOf(a), bytesOf(b), lengthA < lengthB ? lengthA : lengthB);
  if (order != 0) return order;
  return lengthA < lengthB ? -1 : lengthA > lengthB ? 1 : 0;
}

export function equalStrings(a: usize, b: usize): bool {
  const length = lengthOf(a);
  return length == lengthOf(b) && memory.compare(bytesOf(a), bytesOf(b), length) == 0;
}
