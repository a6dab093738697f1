import { isDeepStrictEqual } from 'node:util';
import { brandAs, byteStringOf, decodeUtf8, type ByteString } from '../../src/base/index.ts';
import type { Random } from './random.ts';

/** What of an input's structure mutations may make use of. */
export type Flavour =
  /** Characters; numbers are decimal. */
  | 'text'
  /** Fields with a little-endian length of 64 bits before and zeros up to a multiple of 8 behind them. */
  | 'padded'
  /** Protobuf. */
  | 'protobuf'
  /** Blocks of 512 bytes, of which headers have fields at fixed places. */
  | 'tar'
  | 'binary';

/** A decoder under test. */
export interface Target {
  readonly name: string;
  readonly flavour: Flavour;
  /** Inputs to start from, most of them valid; the same at every call. */
  readonly seeds: () => readonly Uint8Array[];
  /** Pieces of the format's vocabulary. */
  readonly dictionary: readonly string[];
  /**
   * Decodes `input` and returns what it found there, whatever that is: its shape tells behaviours apart. Lets errors of the
   * decoder through, and throws a Violation where a property does not hold. `random` follows from the input alone.
   */
  readonly run: (input: Uint8Array, random: Random) => unknown;
  /** Corrects what a change has made inconsistent, such as a checksum, so that not all changes come to the same. */
  readonly repair?: (input: Uint8Array) => Uint8Array;
  /** How much more time it gets than others: 1 unless given. */
  readonly weight?: number;
  /** Whether an error with this code has to have an offset. */
  readonly givesOffset?: (code: string) => boolean;
}

/** A property that does not hold. */
export class Violation extends Error {
  override readonly name = 'Violation';
}

export function requireEqual(found: unknown, expected: unknown, property: string): void {
  if (!areEqual(found, expected)) throw new Violation(property);
}

function areEqual(a: unknown, b: unknown): boolean {
  if (a instanceof Uint8Array && b instanceof Uint8Array) return Buffer.compare(a, b) === 0;
  try {
    return Object.is(a, b) || isDeepStrictEqual(a, b);
  } catch (error) {
    // Node's comparison is recursive: what is too deep for it is compared as text by those who write it again.
    if (error instanceof RangeError) return true;
    throw error;
  }
}

/** What a call comes to, to be compared with what another comes to. */
export type Outcome = { readonly value: unknown } | { readonly code: unknown; readonly offset: unknown };

/** Foreign errors, which have no place here, are let through. */
export async function outcomeOf(call: () => unknown): Promise<Outcome> {
  try {
    return { value: await call() };
  } catch (error) {
    if (error instanceof Error && 'offset' in error && 'code' in error)
      return { code: error.code, offset: error.offset };
    throw error;
  }
}

export const bytes: (input: Uint8Array) => ByteString = byteStringOf;

/** As text where the input is UTF-8, else one character a byte. */
export function textOfInput(input: Uint8Array): string {
  return decodeUtf8(input) ?? byteStringOf(input);
}

export function text(value: string): ByteString {
  return brandAs<ByteString>(Buffer.from(value, 'utf8').toString('latin1'));
}

export function seed(value: string): Uint8Array {
  return Buffer.from(value, 'latin1');
}

/** Cuts `input` into chunks, each in memory of its own that is overwritten once the next is asked for. */
export function* inChunks(input: Uint8Array, random: Random): Generator<Uint8Array, void, undefined> {
  const longest = random.pick([1, 3, 8, 64, 4096]) + Math.floor(input.length / 2000);
  for (let at = 0; at < input.length;) {
    const chunk = Uint8Array.from(input.subarray(at, at + 1 + random.below(longest)));
    at += chunk.length;
    yield chunk;
    chunk.fill(0xaa);
  }
}
