/** Text that is being written, in a buffer that grows and is used again. */
import { allocate } from './memory.ts';
import { bytesOf, copyString, lengthOf } from './string.ts';

let buffer: usize = 0;
let size: usize = 0;
let capacity: usize = 0;

/** Where the text is, which the next writing may move. */
export function outputStart(): usize {
  return buffer;
}

export function outputSize(): usize {
  return size;
}

export function truncateOutput(to: usize): void {
  size = to;
}

/** What was written since `from`, which is taken off, as a string. */
export function takeOutput(from: usize): usize {
  const string = copyString(buffer + from, <u32>(size - from), 0);
  size = from;
  return string;
}

export function writeByte(byte: u32): void {
  if (size == capacity) enlarge(1);
  store<u8>(buffer + size, <u8>byte);
  size++;
}

export function writeBytes(from: usize, length: usize): void {
  if (capacity - size < length) enlarge(length);
  memory.copy(buffer + size, from, length);
  size += length;
}

export function writeString(string: usize): void {
  writeBytes(bytesOf(string), lengthOf(string));
}

/** A text of the program, which is ASCII. AssemblyScript's strings are UTF-16. */
export function writeText(text: string): void {
  const length = text.length;
  for (let i = 0; i < length; i++) writeByte(load<u16>(changetype<usize>(text) + ((<usize>i) << 1)));
}

export function writeInteger(value: i64): void {
  if (value < 0) writeByte(0x2d);
  // The smallest integer has no positive counterpart but as an unsigned one.
  writeUnsigned(value < 0 ? 0 - <u64>value : <u64>value);
}

function writeUnsigned(value: u64): void {
  if (value >= 10) writeUnsigned(value / 10);
  writeByte(0x30 + <u32>(value % 10));
}

function enlarge(by: usize): void {
  let larger: usize = capacity == 0 ? 65536 : capacity * 2;
  while (larger - size < by) larger *= 2;
  const moved = allocate(larger);
  memory.copy(moved, buffer, size);
  buffer = moved;
  capacity = larger;
}
