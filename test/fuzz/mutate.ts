import type { Random } from './random.ts';
import type { Flavour, Target } from './target.ts';

/** Bytes of the longest input, and of one that came about without `bloat`. */
const longest = 256 * 1024;
const usual = 16 * 1024;

const limits = [7, 8, 15, 16, 31, 32, 53, 63, 64].map(bits => 1n << BigInt(bits));
const numbers: readonly bigint[] = [
  [0n, 1n, 2n, 3n, 6n, 10n, 100n, 255n, 4095n, 4097n],
  ...limits.flatMap(limit => [limit - 1n, limit, limit + 1n]),
].flat();
const numerals: readonly string[] = [
  ...numbers.map(String),
  ['-1', '-0', '00', '01', '+1', ' 1', '1 ', '0x10', '1e5', '1e400', '1.5', '-9223372036854775809', '1_000', 'NaN'],
  '9'.repeat(400),
].flat();
const oddBytes = [0x00, 0x09, 0x0a, 0x0d, 0x20, 0x22, 0x27, 0x2f, 0x3a, 0x5c, 0x7f, 0x80, 0xbf, 0xc0, 0xed, 0xf4, 0xff];

type Mutation = (input: Buffer, random: Random, context: Context) => Buffer;

interface Context {
  readonly dictionary: readonly Buffer[];
  /** Another input to take parts from. */
  readonly other: Uint8Array;
}

function replace(input: Uint8Array, start: number, end: number, by: Uint8Array): Buffer {
  return Buffer.concat([input.subarray(0, start), by, input.subarray(end)]);
}

function range(input: Uint8Array, random: Random): readonly [start: number, end: number] {
  const start = random.below(input.length + 1);
  return [start, start + random.length(input.length - start)];
}

function edited(input: Buffer, edit: (copy: Buffer) => void): Buffer {
  const copy = Buffer.from(input);
  if (copy.length > 0) edit(copy);
  return copy;
}

const flipBit: Mutation = (input, random) =>
  edited(input, copy => {
    const at = random.below(copy.length);
    copy[at] = (copy[at] ?? 0) ^ (1 << random.below(8));
  });

const setByte: Mutation = (input, random) =>
  edited(input, copy => {
    copy[random.below(copy.length)] = random.oneIn(2) ? random.pick(oddBytes) : random.below(256);
  });

const addToByte: Mutation = (input, random) =>
  edited(input, copy => {
    const at = random.below(copy.length);
    copy[at] = ((copy[at] ?? 0) + 255 + random.below(3)) & 0xff;
  });

const remove: Mutation = (input, random) => replace(input, ...range(input, random), Buffer.alloc(0));

const insertBytes: Mutation = (input, random) => {
  const at = random.below(input.length + 1);
  const count = 1 + random.length(16);
  const odd = random.oneIn(2);
  const fresh = Buffer.from(Array.from({ length: count }, () => (odd ? random.pick(oddBytes) : random.below(256))));
  return replace(input, at, at, fresh);
};

const duplicate: Mutation = (input, random) => {
  const [start, end] = range(input, random);
  const at = random.oneIn(2) ? end : random.below(input.length + 1);
  return replace(input, at, at, input.subarray(start, end));
};

const truncate: Mutation = (input, random) => input.subarray(0, random.below(input.length + 1));

const swap: Mutation = (input, random) => {
  const [a, b] = range(input, random);
  const [, c] = range(input.subarray(b), random);
  return Buffer.concat([input.subarray(0, a), input.subarray(b, b + c), input.subarray(a, b), input.subarray(b + c)]);
};

const splice: Mutation = (input, random, { other }) =>
  replace(input, ...range(input, random), other.subarray(...range(other, random)));

const cross: Mutation = (input, random, { other }) =>
  Buffer.concat([input.subarray(0, random.below(input.length + 1)), other.subarray(random.below(other.length + 1))]);

const insertWord: Mutation = (input, random, { dictionary }) => {
  const [start, end] = range(input, random);
  return replace(input, start, random.oneIn(2) ? start : end, random.pick(dictionary));
};

/** Puts a word in the place of a word. */
const replaceWord: Mutation = (input, random, { dictionary }) => {
  const word = random.pick(dictionary);
  const from = random.below(input.length + 1);
  const at = input.indexOf(word, from);
  return at < 0
    ? insertWord(input, random, { dictionary, other: input })
    : replace(input, at, at + word.length, random.pick(dictionary));
};

/** Many times the same, to find what takes more than linear time, or too much stack. */
const bloat: Mutation = (input, random, { dictionary }) => {
  const [start, end] = range(input, random);
  const unit = random.oneIn(2) ? random.pick(dictionary) : input.subarray(start, Math.min(end, start + 200));
  if (unit.length === 0) return input;
  const count = random.length(Math.floor(longest / unit.length));
  return replace(input, start, start, Buffer.alloc(unit.length * count, unit));
};

const replaceNumeral: Mutation = (input, random) => {
  const runs = [...input.toString('latin1').matchAll(/[0-9]+/g)];
  if (runs.length === 0) return input;
  const run = random.pick(runs);
  return replace(input, run.index, run.index + run[0].length, Buffer.from(random.pick(numerals), 'latin1'));
};

/** Duplicates, drops, exchanges or empties words and the punctuation between them. */
const shuffleWords: Mutation = (input, random) => {
  const words = input.toString('latin1').match(/[A-Za-z0-9+/=._-]+|[^A-Za-z0-9+/=._-]/g) ?? [];
  return Buffer.from(shuffle(words, random).join(''), 'latin1');
};

function shuffle<T>(items: readonly T[], random: Random): T[] {
  const copy = [...items];
  if (copy.length === 0) return copy;
  const at = random.below(copy.length);
  const count = 1 + random.length(Math.min(8, copy.length - at - 1));
  const other = random.below(copy.length);
  switch (random.below(4)) {
    case 0:
      copy.splice(at, count);
      break;
    case 1:
      copy.splice(other, 0, ...copy.slice(at, at + count));
      break;
    case 2:
      copy.splice(at, 1, ...copy.splice(other, 1, ...copy.slice(at, at + 1)));
      break;
    default:
      copy.splice(other, 0, ...copy.splice(at, count));
  }
  return copy;
}

const writeNumber: Mutation = (input, random) =>
  edited(input, copy => {
    if (copy.length < 8) return;
    const word = random.below(copy.length >> 3) * 8;
    const at = random.oneIn(8) ? random.below(copy.length - 7) : word;
    const left = BigInt(copy.length - at);
    const value = random.oneIn(3) ? left - BigInt(random.below(24)) : random.pick(numbers);
    copy.writeBigUInt64LE(BigInt.asUintN(64, value), at);
  });

/** Fields as `padded` has them, until something is none. */
function fieldsOf(input: Buffer): Buffer[] {
  const fields: Buffer[] = [];
  let at = 0;
  while (at + 8 <= input.length) {
    const size = 8 + (Math.ceil(input.readUInt32LE(at) / 8) * 8 || 0);
    if (input.readUInt32LE(at + 4) !== 0 || at + size > input.length) break;
    fields.push(input.subarray(at, at + size));
    at += size;
  }
  fields.push(input.subarray(at));
  return fields;
}

function fieldOf(content: Uint8Array): Buffer {
  const field = Buffer.alloc(8 + Math.ceil(content.length / 8) * 8);
  field.writeUInt32LE(content.length);
  field.set(content, 8);
  return field;
}

const shuffleFields: Mutation = (input, random) => Buffer.concat(shuffle(fieldsOf(input), random));

/** Changes the content of a field, and its length and padding with it. */
const editField: Mutation = (input, random, context) => {
  const fields = fieldsOf(input);
  const at = random.below(fields.length);
  const field = fields[at];
  if (field === undefined || field.length < 8) return input;
  const content = field.subarray(8, 8 + field.readUInt32LE(0));
  fields[at] = random.oneIn(4)
    ? fieldOf(random.pick(context.dictionary))
    : fieldOf(random.pick(bytewise)(content, random, context));
  return Buffer.concat(fields);
};

const insertField: Mutation = (input, random, { dictionary }) => {
  const fields = fieldsOf(input);
  fields.splice(random.below(fields.length), 0, fieldOf(random.pick(dictionary)));
  return Buffer.concat(fields);
};

const writeVarint: Mutation = (input, random) => {
  let value = BigInt.asUintN(70, random.pick(numbers));
  const varint: number[] = [];
  do {
    varint.push(Number(value & 0x7fn) | 0x80);
    value >>= 7n;
  } while (value > 0n);
  const last = varint.length - 1;
  if (!random.oneIn(6)) varint[last] = (varint[last] ?? 0) & 0x7f;
  const at = random.below(input.length + 1);
  return replace(input, at, Math.min(input.length, at + random.below(3)), Buffer.from(varint));
};

const tarBlock = 512;
/** Where the fields of a tar header are, and how long they can be. */
const tarFields = [
  [0, 100],
  [100, 8],
  [124, 12],
  [136, 12],
  [148, 8],
  [156, 1],
  [157, 100],
  [257, 8],
  [345, 155],
] as const;

const editTarField: Mutation = (input, random, { dictionary }) =>
  edited(input, copy => {
    const block = random.below(Math.ceil(copy.length / tarBlock)) * tarBlock;
    const [start, length] = random.pick(tarFields);
    const value = Buffer.alloc(length, random.oneIn(4) ? ' ' : 0);
    const number = random.pick(numbers);
    switch (random.below(4)) {
      case 0:
        value.write(number.toString(8).padStart(random.pick([0, length - 1, length]), '0'), 'latin1');
        break;
      case 1:
        // GNU's binary form.
        for (let at = length - 1, rest = number; at >= 0; at--, rest >>= 8n) value[at] = Number(rest & 0xffn);
        value[0] = random.pick([0x80, 0xff]);
        break;
      case 2:
        value.fill(random.pick(dictionary));
        break;
      default:
        value.set(random.pick(dictionary).subarray(0, length));
    }
    copy.set(value.subarray(0, Math.max(0, copy.length - block - start)), Math.min(copy.length, block + start));
  });

const shuffleBlocks: Mutation = (input, random) => {
  const blocks: Buffer[] = [];
  for (let at = 0; at < input.length; at += tarBlock) blocks.push(input.subarray(at, at + tarBlock));
  return Buffer.concat(shuffle(blocks, random));
};

const bytewise: readonly Mutation[] = [
  [flipBit, setByte, setByte, addToByte, remove, insertBytes, duplicate, truncate],
  [swap, splice, cross, insertWord, insertWord, replaceWord],
].flat();

const mutations: Readonly<Record<Flavour, readonly Mutation[]>> = {
  text: [...bytewise, replaceNumeral, replaceNumeral, shuffleWords, shuffleWords, shuffleWords],
  padded: [...bytewise, writeNumber, writeNumber, writeNumber, shuffleFields, editField, editField, insertField],
  protobuf: [...bytewise, writeVarint, writeVarint, replaceNumeral],
  tar: [
    ...bytewise,
    editTarField,
    editTarField,
    editTarField,
    editTarField,
    shuffleBlocks,
    shuffleBlocks,
    replaceNumeral,
  ],
  binary: [...bytewise, replaceNumeral, writeNumber],
};

/** Makes new inputs for a target out of others. */
export class Mutator {
  readonly #mutations: readonly Mutation[];
  readonly #dictionary: readonly Buffer[];
  readonly #repair: Target['repair'];

  constructor(target: Target) {
    this.#mutations = mutations[target.flavour];
    this.#repair = target.repair;
    this.#dictionary = [...target.dictionary.map(word => Buffer.from(word, 'latin1')), Buffer.from([0])];
  }

  mutate(input: Uint8Array, other: Uint8Array, random: Random): Uint8Array {
    const context = { dictionary: this.#dictionary, other };
    let result: Buffer = Buffer.from(input);
    for (let steps = 1 + random.length(6); steps > 0; steps--) {
      result = random.pick(this.#mutations)(result, random, context);
      if (result.length > usual) result = result.subarray(0, usual);
    }
    if (random.oneIn(400)) result = bloat(result, random, context).subarray(0, longest);
    return this.#repair === undefined || random.oneIn(8) ? result : this.#repair(result);
  }
}
