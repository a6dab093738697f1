/**
 * A program of nothing but system calls, one after the other, as an ELF executable: some 110 bytes of machine code walk
 * over a table. What makes a sandbox is such a list; written in a language with a run time it would be a program to be
 * installed (bubblewrap) or one of 30 MB and 30 ms (Node), and either would do its own things in between.
 *
 * An entry of the table is eleven words: the call's number, six arguments, the result (written by the machine code), the
 * entry to go to after an error, the one to go to if the result is positive (0: the next), and the entry's index. An
 * error without a place to go to ends the program: it writes the entry, with its result, to descriptor 3.
 */
import { type ByteString, asBuffer } from '../../base/index.ts';
import { type SystemCall, systemCallNumbers } from './system-call-numbers.ts';

/** Of an entry in a report. */
export const reportSize = 88;

/** Where the program reports. */
export const reportDescriptor = 3;

const entrySize = reportSize;

// Each line: the code, and the assembly that it is.
const x64 = [
  '4c8d2579000100', // leaq _start+0x10080(%rip), %r12
  '498b0424', // loop: movq (%r12), %rax
  '498b7c2408', // movq 8(%r12), %rdi
  '498b742410', // movq 16(%r12), %rsi
  '498b542418', // movq 24(%r12), %rdx
  '4d8b542420', // movq 32(%r12), %r10
  '4d8b442428', // movq 40(%r12), %r8
  '4d8b4c2430', // movq 48(%r12), %r9
  '0f05', // syscall
  '4989442438', // movq %rax, 56(%r12)
  '4885c0', // testq %rax, %rax
  '7812', // js error
  '740a', // jz next
  '498b4c2448', // movq 72(%r12), %rcx
  '4885c9', // testq %rcx, %rcx
  '7510', // jnz jump
  '4983c458', // next: addq $88, %r12
  'ebc0', // jmp loop
  '498b4c2440', // error: movq 64(%r12), %rcx
  '4885c9', // testq %rcx, %rcx
  '7405', // jz report
  '4989cc', // jump: movq %rcx, %r12
  'ebb1', // jmp loop
  'bf03000000', // report: movl $3, %edi
  '4c89e6', // movq %r12, %rsi
  'ba58000000', // movl $88, %edx
  'b801000000', // movl $1, %eax
  '0f05', // syscall
  'bf7f000000', // movl $127, %edi
  'b8e7000000', // movl $231, %eax
  '0f05', // syscall
];

const arm64 = [
  '14040810', // adr x20, _start+0x10080
  '880240f9', // loop: ldr x8, [x20]
  '808640a9', // ldp x0, x1, [x20, #8]
  '828e41a9', // ldp x2, x3, [x20, #24]
  '849642a9', // ldp x4, x5, [x20, #40]
  '010000d4', // svc #0
  '801e00f9', // str x0, [x20, #56]
  'c000f8b7', // tbnz x0, #63, error
  '600000b4', // cbz x0, next
  '892640f9', // ldr x9, [x20, #72]
  'a90000b5', // cbnz x9, jump
  '94620191', // next: add x20, x20, #88
  'f5ffff17', // b loop
  '892240f9', // error: ldr x9, [x20, #64]
  '690000b4', // cbz x9, report
  'f40309aa', // jump: mov x20, x9
  'f1ffff17', // b loop
  '600080d2', // report: mov x0, #3
  'e10314aa', // mov x1, x20
  '020b80d2', // mov x2, #88
  '080880d2', // mov x8, #64
  '010000d4', // svc #0
  'e00f80d2', // mov x0, #127
  'c80b80d2', // mov x8, #94
  '010000d4', // svc #0
];

const machines = { x64: { elf: 62, code: x64 }, arm64: { elf: 183, code: arm64 } } as const;

/** Machines that scripts can be made for, as `process.arch` names them. */
export type ScriptMachine = keyof typeof machines;

export function isScriptMachine(name: string): name is ScriptMachine {
  return Object.hasOwn(machines, name);
}

/** Of something in the program's memory. */
export interface Address {
  readonly of: 'data' | 'table';
  readonly offset: number;
}

/** What a call does with a register. */
export type Word = number | bigint | Address;

/** A place in the table. */
export interface Label {
  entry: number | undefined;
}

export interface CallOptions {
  /** Where to go when it fails; the program ends unless given. */
  readonly onError?: Label | 'next';
  /** Where to go when it gives more than 0. */
  readonly onPositive?: Label;
}

interface Entry extends CallOptions {
  readonly call: SystemCall;
  readonly words: readonly Word[];
}

/** Both segments begin with the file's first page, at these addresses: code, and data that can be written to. */
const codeBase = 0x400000;
const dataBase = 0x410000;
const headerSize = 64 + 2 * 56;
/** Of the machine code, with what follows it until the table: it finds that by the distance. */
const codeSize = 128;

export class SystemCallScript {
  readonly #machine: ScriptMachine;
  readonly #entries: Entry[] = [];
  readonly #data: Buffer[] = [];
  #dataSize = 0;
  readonly #texts = new Map<string, Address>();
  /** Words of the data that are addresses. */
  readonly #addresses: { readonly at: number; readonly target: Address }[] = [];

  constructor(machine: ScriptMachine) {
    this.#machine = machine;
  }

  /** Puts `bytes` into its memory. */
  bytes(bytes: Uint8Array): Address {
    const address: Address = { of: 'data', offset: this.#dataSize };
    const padding = -bytes.byteLength & 7;
    this.#data.push(asBuffer(bytes), Buffer.alloc(padding));
    this.#dataSize += bytes.byteLength + padding;
    return address;
  }

  /** `text`, ended by a zero byte. */
  text(text: ByteString): Address {
    const known = this.#texts.get(text);
    if (known !== undefined) return known;
    const address = this.bytes(Buffer.from(`${text}\0`, 'latin1'));
    this.#texts.set(text, address);
    return address;
  }

  /** An array of 64-bit words, or a structure of such. */
  words(words: readonly Word[]): Address {
    const bytes = Buffer.alloc(words.length * 8);
    for (const [index, word] of words.entries()) {
      if (typeof word === 'object') this.#addresses.push({ at: this.#dataSize + index * 8, target: word });
      else bytes.writeBigUInt64LE(BigInt.asUintN(64, BigInt(word)), index * 8);
    }
    return this.bytes(bytes);
  }

  /** An array of strings that a null pointer ends. */
  texts(texts: readonly ByteString[]): Address {
    return this.words([...texts.map(text => this.text(text)), 0]);
  }

  /** Appends a call; its index, by which the program reports its failure. */
  call(call: SystemCall, words: readonly Word[], options: CallOptions = {}): number {
    return this.#entries.push({ call, words, ...options }) - 1;
  }

  /** How many calls there are: the index of the next. */
  get callCount(): number {
    return this.#entries.length;
  }

  /** Of the entry of the call at `index`, as it is reported. */
  entry(index: number): Address {
    return { of: 'table', offset: index * entrySize };
  }

  /** What follows is where `label` leads. */
  place(label: Label): void {
    label.entry = this.#entries.length;
  }

  /** The program, when all labels are placed. */
  assemble(): Buffer {
    const { elf, code } = machines[this.#machine];
    const numbers = systemCallNumbers[this.#machine];
    const tableAt = headerSize + codeSize;
    const dataAt = tableAt + this.#entries.length * entrySize;
    const starts = { table: tableAt, data: dataAt };
    const file = Buffer.alloc(dataAt + this.#dataSize);
    Buffer.from(code.join(''), 'hex').copy(file, headerSize);
    const resolve = (word: Word): bigint =>
      BigInt.asUintN(64, BigInt(typeof word === 'object' ? dataBase + starts[word.of] + word.offset : word));
    const addressOf = (entry: number): number => dataBase + tableAt + entry * entrySize;
    for (const [index, { call, words, onError, onPositive }] of this.#entries.entries()) {
      const at = tableAt + index * entrySize;
      file.writeUInt32LE(numbers[call], at);
      for (const [argument, word] of words.entries()) file.writeBigUInt64LE(resolve(word), at + 8 + argument * 8);
      const target = onError === 'next' ? index + 1 : onError?.entry;
      if (target !== undefined) file.writeUInt32LE(addressOf(target), at + 64);
      if (onPositive?.entry !== undefined) file.writeUInt32LE(addressOf(onPositive.entry), at + 72);
      file.writeUInt32LE(index, at + 80);
    }
    let at = dataAt;
    for (const bytes of this.#data) at += bytes.copy(file, at);
    for (const { at: word, target } of this.#addresses) file.writeBigUInt64LE(resolve(target), dataAt + word);
    writeHeaders(file, elf);
    return file;
  }
}

/** ELF: 64-bit, little-endian, version 1, ET_EXEC; two segments of the whole file, aligned to the largest page there is. */
function writeHeaders(file: Buffer, machine: number): void {
  file.write('\x7fELF\x02\x01\x01', 0, 'latin1');
  file.writeUInt16LE(2, 16);
  file.writeUInt16LE(machine, 18);
  file.writeUInt32LE(1, 20);
  file.writeUInt32LE(codeBase + headerSize, 24);
  file.writeUInt32LE(64, 32);
  file.writeUInt16LE(64, 52);
  file.writeUInt16LE(56, 54);
  file.writeUInt16LE(2, 56);
  const [read, write, execute] = [4, 2, 1];
  writeSegment(file, 64, { base: codeBase, size: headerSize + codeSize, flags: read | execute });
  writeSegment(file, 120, { base: dataBase, size: file.byteLength, flags: read | write });
}

interface Segment {
  readonly base: number;
  readonly size: number;
  readonly flags: number;
}

function writeSegment(file: Buffer, at: number, { base, size, flags }: Segment): void {
  const load = 1;
  file.writeUInt32LE(load, at);
  file.writeUInt32LE(flags, at + 4);
  file.writeUInt32LE(base, at + 16);
  file.writeUInt32LE(base, at + 24);
  file.writeUInt32LE(size, at + 32);
  file.writeUInt32LE(size, at + 40);
  file.writeUInt32LE(0x10000, at + 48);
}

/** What a program said of an entry. */
export interface ScriptReport {
  /** The index that `call` gave. */
  readonly entry: number;
  /** A negative error number if it failed. */
  readonly result: number;
}

export function parseReports(bytes: Uint8Array): ScriptReport[] {
  const buffer = asBuffer(bytes);
  return Array.from({ length: Math.floor(buffer.byteLength / entrySize) }, (_, index) => ({
    entry: buffer.readUInt32LE(index * entrySize + 80),
    result: Number(buffer.readBigInt64LE(index * entrySize + 56)),
  }));
}
