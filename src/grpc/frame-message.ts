import { prefixSize } from './message-reader.ts';

/** Messages up to this size are copied behind their prefix: one write is cheaper than the copy. In bytes. */
const copyLimit = 16 * 1024;

/** What goes over the wire for a message: its prefix and its bytes. */
export function frameMessage(encoded: Uint8Array | readonly Uint8Array[]): readonly Uint8Array[] {
  const pieces = encoded instanceof Uint8Array ? [encoded] : encoded;
  let size = 0;
  for (const piece of pieces) size += piece.byteLength;
  if (size > copyLimit) return [writePrefix(Buffer.allocUnsafe(prefixSize), size), ...pieces];
  const whole = writePrefix(Buffer.allocUnsafe(prefixSize + size), size);
  let at = prefixSize;
  for (const piece of pieces) {
    whole.set(piece, at);
    at += piece.byteLength;
  }
  return [whole];
}

function writePrefix(target: Buffer, size: number): Buffer {
  target[0] = 0;
  target.writeUInt32BE(size, 1);
  return target;
}
