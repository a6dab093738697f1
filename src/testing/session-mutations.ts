import type { RequestField } from './session-requests.ts';

/** What a hostile peer says in place of what was recorded. */
export interface SessionMutation {
  /** For messages. */
  readonly what: string;
  readonly bytes: Buffer;
}

const oddNumbers = [0n, 1n, 2n, 4711n, 2n ** 31n, 2n ** 32n, 2n ** 53n, 2n ** 63n, 2n ** 64n - 1n];
const oddStrings = [
  '',
  '\0',
  '..',
  '/nix/store/',
  '/nix/store/../../etc/passwd',
  '/nix/store/g1w7hy3qg1w7hy3qg1w7hy3qg1w7hy3q-absent',
  '/nix/store/g1w7hy3qg1w7hy3qg1w7hy3qg1w7hy3q-absent.drv!out',
  '\xff\xfe%s%n',
  'x'.repeat(300),
];

/** Everything from byte `from` on cut off, then `step` bytes less cut off, and so on to the end. */
export function* truncations(bytes: Buffer, from: number, step = 1): Generator<SessionMutation, void> {
  for (let at = from; at < bytes.length; at += step) yield { what: `cut off at ${at}`, bytes: bytes.subarray(0, at) };
}

/** Each field, one at a time, as it should not be; what follows it stays. */
export function* fieldMutations(bytes: Buffer, fields: readonly RequestField[]): Generator<SessionMutation, void> {
  for (const [index, field] of fields.entries()) {
    const what = `${field.kind} ${index} at ${field.start}`;
    for (const [how, replacement] of replacementsOf(field.kind, bytes.subarray(field.start, field.end))) {
      const changed = Buffer.concat([bytes.subarray(0, field.start), replacement, bytes.subarray(field.end)]);
      if (!changed.equals(bytes)) yield { what: `${what}: ${how}`, bytes: changed };
    }
  }
}

/** Each word of 64 bits from byte `from` on (or each `step`th), one at a time, as it should not be: of what borders are not known of. */
export function* wordMutations(bytes: Buffer, from: number, step = 1): Generator<SessionMutation, void> {
  for (let at = from; at + 8 <= bytes.length; at += 8 * step) {
    for (const number of numbersFor(bytes.readBigUInt64LE(at))) {
      const changed = Buffer.from(bytes);
      changed.writeBigUInt64LE(number, at);
      if (!changed.equals(bytes)) yield { what: `${number} at ${at}`, bytes: changed };
    }
  }
}

function* replacementsOf(kind: RequestField['kind'], bytes: Buffer): Generator<readonly [string, Buffer], void> {
  switch (kind) {
    case 'number':
      yield* numbersFor(bytes.readBigUInt64LE(0)).map(number => [String(number), word(number)] as const);
      return;
    case 'string': {
      const length = bytes.readUInt32LE(0);
      const text = bytes.subarray(8, 8 + length);
      for (const number of numbersFor(BigInt(length)))
        yield [`length ${number}`, Buffer.concat([word(number), bytes.subarray(8)])];
      for (const odd of oddStrings) yield [JSON.stringify(odd.slice(0, 60)), padded(Buffer.from(odd, 'latin1'))];
      for (const at of new Set([0, length >> 1, length - 1].filter(place => place >= 0 && place < length)))
        yield [`byte ${at}`, padded(flipped(text, at))];
      if (bytes.length > 8 + length) yield ['padding', flipped(bytes, bytes.length - 1)];
      return;
    }
    case 'data': {
      for (let at = 0; at < bytes.length; at += Math.max(1, bytes.length >> 4))
        yield [`byte ${at}`, flipped(bytes, at)];
      return;
    }
  }
}

function numbersFor(value: bigint): bigint[] {
  return [...new Set([...oddNumbers, value + 1n, value ^ 8n, BigInt.asUintN(64, value - 1n)])];
}

function flipped(bytes: Buffer, at: number): Buffer {
  const copy = Buffer.from(bytes);
  copy[at] = (copy[at] ?? 0) ^ 0x20;
  return copy;
}

function word(value: bigint): Buffer {
  const bytes = Buffer.alloc(8);
  bytes.writeBigUInt64LE(BigInt.asUintN(64, value));
  return bytes;
}

function padded(text: Buffer): Buffer {
  const bytes = Buffer.alloc(8 + Math.ceil(text.length / 8) * 8);
  bytes.writeUInt32LE(text.length);
  bytes.set(text, 8);
  return bytes;
}
