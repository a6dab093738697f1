import type { CoreMemory } from './core-memory.ts';

/** What a word is (src/core/value.ts), without evaluating anything. */
export type ValueKind =
  | 'thunk'
  | 'black-hole'
  | 'int'
  | 'float'
  | 'bool'
  | 'null'
  | 'string'
  | 'path'
  | 'list'
  | 'set'
  | 'lambda'
  | 'builtin'
  | 'partial'
  | 'external';

/** A word by its halves: `low` has the tag in its three lowest bits, and an address above them. */
export interface Word {
  readonly low: number;
  readonly high: number;
}

const refTag = 0;
const intTag = 1;
const stringTag = 2;
const attrsTag = 3;
const listTag = 4;
const functionTag = 5;
const boxedTag = 6;

export const nullWord: Word = { low: 7, high: 0 };
export const falseWord: Word = { low: 15, high: 0 };
export const trueWord: Word = { low: 23, high: 0 };

export function wordAt(memory: CoreMemory, address: number): Word {
  return { low: memory.u32(address), high: memory.u32(address + 4) };
}

export function setWordAt(memory: CoreMemory, address: number, word: Word): void {
  memory.setU32(address, word.low);
  memory.setU32(address + 4, word.high);
}

export function stringWord(address: number): Word {
  return { low: address + stringTag, high: 0 };
}

export function listWord(address: number): Word {
  return { low: address + listTag, high: 0 };
}

export function attrsWord(address: number): Word {
  return { low: address + attrsTag, high: 0 };
}

/** Of a word that the core handed over as a number of 64 bits. */
export function wordOfBits(bits: bigint): Word {
  const word = BigInt.asUintN(64, bits);
  return { low: Number(word & 0xffffffffn), high: Number(word >> 32n) };
}

/** Address of the object that the word refers to. */
export function addressOf(word: Word): number {
  return (word.low & ~7) >>> 0;
}

/** The word itself, or what its cell holds where that is evaluated. */
export function resolved(memory: CoreMemory, word: Word): Word {
  if ((word.low & 7) !== refTag) return word;
  const content = wordAt(memory, word.low);
  return (content.low & 7) === refTag ? word : content;
}

export function kindOf(memory: CoreMemory, unresolved: Word): ValueKind {
  const word = resolved(memory, unresolved);
  switch (word.low & 7) {
    case refTag:
      return memory.u32(word.low) === 0 ? 'black-hole' : 'thunk';
    case intTag:
      return 'int';
    case stringTag:
      return 'string';
    case attrsTag:
      return 'set';
    case listTag:
      return 'list';
    case functionTag:
      return functionKinds[memory.u32(addressOf(word))] ?? 'lambda';
    case boxedTag:
      return boxKinds[memory.u32(addressOf(word))] ?? 'external';
    default:
      return word.low === nullWord.low ? 'null' : 'bool';
  }
}

const functionKinds: readonly (ValueKind | undefined)[] = [undefined, 'lambda', 'builtin', 'partial'];
const boxKinds: readonly (ValueKind | undefined)[] = [undefined, 'float', 'int', 'path', 'external'];

/** Of a resolved word that is an integer. */
export function intOf(memory: CoreMemory, word: Word): bigint {
  if ((word.low & 7) === boxedTag) return memory.i64(addressOf(word) + 8);
  return BigInt.asIntN(64, (BigInt(word.high) << 32n) | BigInt(word.low >>> 0)) >> 3n;
}

/** Of a resolved word that is a float. */
export function floatOf(memory: CoreMemory, word: Word): number {
  return memory.f64(addressOf(word) + 8);
}

/** Address of the text, a StringObject, of a resolved word that is a path. */
export function pathTextOf(memory: CoreMemory, word: Word): number {
  return memory.u32(addressOf(word) + 8);
}

/** The elements of a list, by address. */
export function listElements(memory: CoreMemory, list: number): Word[] {
  const count = memory.u32(list);
  return Array.from({ length: count }, (_, index) => wordAt(memory, list + 8 + index * 8));
}
