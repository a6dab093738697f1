/** Bytes that are put together one after the other. One buffer at a time: what needs another meanwhile starts and ends it within. */
import { allocate } from './memory.ts';
import { bytesOf, copyString, lengthOf } from './string.ts';

@unmanaged
export class Buffer {
  bytes: usize;
  length: u32;
  capacity: u32;
}

export function newBuffer(capacity: u32): Buffer {
  const buffer = changetype<Buffer>(allocate(16));
  buffer.bytes = allocate(capacity);
  buffer.capacity = capacity;
  return buffer;
}

/** Room for `count` more bytes; returns where they go, and counts them. */
export function extend(buffer: Buffer, count: u32): usize {
  const length = buffer.length + count;
  if (length > buffer.capacity) {
    let capacity = buffer.capacity << 1;
    if (capacity < length) capacity = length;
    const larger = allocate(capacity);
    memory.copy(larger, buffer.bytes, buffer.length);
    buffer.bytes = larger;
    buffer.capacity = capacity;
  }
  const at = buffer.bytes + buffer.length;
  buffer.length = length;
  return at;
}

export function addByte(buffer: Buffer, byte: u8): void {
  store<u8>(extend(buffer, 1), byte);
}

export function addBytes(buffer: Buffer, bytes: usize, count: u32): void {
  memory.copy(extend(buffer, count), bytes, count);
}

export function addString(buffer: Buffer, string: usize): void {
  addBytes(buffer, bytesOf(string), lengthOf(string));
}

export function finishString(buffer: Buffer, context: usize): usize {
  return copyString(buffer.bytes, buffer.length, context);
}
