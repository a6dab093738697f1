/** Store paths, as Nix's manual specifies them ("Store path specification"). */
import { sha256 } from '../host.ts';
import { allocate } from '../memory.ts';
import { outputSize, outputStart, truncateOutput, writeByte, writeBytes, writeString, writeText } from '../output.ts';
import { bytesOf, lengthOf, newString } from '../string.ts';

/** Digits of a SHA-256 in base16. */
export const hashDigits: usize = 64;

/** Longest name, in bytes, and characters of the hash part with the dash behind it. */
const maxNameLength: u32 = 211;
const hashPartLength: u32 = 33;

let storeDirString: usize = 0;

/** The store directory, a StringObject: to be set before the first path is made. */
export function setStoreDir(string: usize): void {
  storeDirString = string;
}

export function storeDir(): usize {
  return storeDirString;
}

/** Whether a name of `length` bytes at `bytes`, with as many more behind it as `more` says, may be a store path's. */
export function isStoreName(bytes: usize, length: u32, more: u32): bool {
  if (length == 0 || length + more > maxNameLength) return false;
  if (load<u8>(bytes) == 0x2e && isDots(bytes, length)) return false;
  for (let i: u32 = 0; i < length; i++) if (!isNameByte(load<u8>(bytes + i))) return false;
  return true;
}

/** `.`, `..`, and what is one of these before its first dash. */
function isDots(bytes: usize, length: u32): bool {
  let at: u32 = 1;
  if (at < length && load<u8>(bytes + at) == 0x2e) at++;
  return at == length || load<u8>(bytes + at) == 0x2d;
}

function isNameByte(byte: u32): bool {
  const letter = byte | 0x20;
  if (letter >= 0x61 && letter <= 0x7a) return true;
  // Digits and `+-._?=`
  return (
    (byte >= 0x30 && byte <= 0x39) ||
    byte == 0x2b ||
    (byte >= 0x2d && byte <= 0x2e) ||
    byte == 0x5f ||
    byte == 0x3f ||
    byte == 0x3d
  );
}

/** Takes what was written since `from` off the output. Its SHA-256, 64 digits in base16. */
export function takeHash(from: usize): usize {
  const digits = allocate(hashDigits);
  sha256(outputStart() + from, outputSize() - from, digits);
  truncateOutput(from);
  return digits;
}

/**
 * The base name of a store path: of the type that was written to the output since `from`, which is taken off, of the hash
 * whose digits are at `hash`, and of the name that two StringObjects are together with a dash, or one (`suffix` is 0).
 */
export function makeStorePath(from: usize, hash: usize, name: usize, suffix: usize): usize {
  writeText(':sha256:');
  writeBytes(hash, hashDigits);
  writeByte(0x3a);
  writeString(storeDirString);
  writeByte(0x3a);
  const nameAt = outputSize();
  writeString(name);
  if (suffix != 0) {
    writeByte(0x2d);
    writeString(suffix);
  }
  const nameLength = <u32>(outputSize() - nameAt);
  const path = newString(hashPartLength + nameLength, 0);
  memory.copy(bytesOf(path) + hashPartLength, outputStart() + nameAt, nameLength);
  store<u8>(bytesOf(path) + hashPartLength - 1, 0x2d);
  writeHashPart(takeHash(from), bytesOf(path));
  return path;
}

/** `STOREDIR/BASENAME` with a context. */
export function printStorePath(path: usize, context: usize): usize {
  const length = lengthOf(storeDirString);
  const printed = newString(length + 1 + lengthOf(path), context);
  const at = bytesOf(printed);
  memory.copy(at, bytesOf(storeDirString), length);
  store<u8>(at + length, 0x2f);
  memory.copy(at + length + 1, bytesOf(path), lengthOf(path));
  return printed;
}

const alphabet = memory.data<u8>([
  0x30, 0x31, 0x32, 0x33, 0x34, 0x35, 0x36, 0x37, 0x38, 0x39, 0x61, 0x62, 0x63, 0x64, 0x66, 0x67, 0x68, 0x69, 0x6a,
  0x6b, 0x6c, 0x6d, 0x6e, 0x70, 0x71, 0x72, 0x73, 0x76, 0x77, 0x78, 0x79, 0x7a,
]);

const compressed = memory.data(20);

/** The hash of 64 digits, folded to 160 bits, as 32 digits of Nix's base 32: the last digits stem from the first bytes. */
function writeHashPart(digits: usize, to: usize): void {
  memory.fill(compressed, 0, 20);
  for (let i: u32 = 0; i < 32; i++) {
    const at = compressed + (i % 20);
    const byte = (digitAt(digits, i * 2) << 4) | digitAt(digits, i * 2 + 1);
    store<u8>(at, load<u8>(at) ^ <u8>byte);
  }
  let held: u32 = 0;
  let bits: u32 = 0;
  let at = to + hashPartLength - 1;
  for (let i: u32 = 0; i < 20; i++) {
    held |= (<u32>load<u8>(compressed + i)) << bits;
    bits += 8;
    while (bits >= 5) {
      store<u8>(--at, load<u8>(alphabet + (held & 31)));
      held >>>= 5;
      bits -= 5;
    }
  }
}

function digitAt(digits: usize, index: u32): u32 {
  const digit: u32 = load<u8>(digits + index);
  return digit <= 0x39 ? digit - 0x30 : digit - 0x57;
}
