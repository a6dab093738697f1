import { type ByteString, byteStringFromLatin1 } from '../base/index.ts';
import { formatShortFloat } from './format-float.ts';
import { Refusal } from './refusal.ts';
import { type Remark, remarkKinds } from './remark.ts';

/** What the host's functions need of the core that they are imported by. */
export interface SyntaxHostAccess {
  /** Bytes of the core's memory, which are only looked at. */
  readonly bytes: (address: number, length: number) => Uint8Array;
  /** The contents of a StringObject. */
  readonly string: (address: number) => ByteString;
  /** A StringObject of these bytes. */
  readonly newString: (text: ByteString) => number;
  /** May throw, where the settings forbid what is remarked on. */
  readonly onRemark: (remark: Remark) => void;
  /** Called before a refusal is thrown; where it returns true the core goes on, which it can after undefined variables. */
  readonly onRefusal?: (refusal: Refusal) => boolean;
}

/** The functions of src/core/syntax-host.ts. */
export function syntaxHost(access: SyntaxHostAccess): Readonly<Record<string, (...args: never[]) => unknown>> {
  return {
    refuse: (kind: number, position: number, otherPosition: number, text: number): void => {
      const refusal = new Refusal(
        kind,
        position >>> 0,
        otherPosition >>> 0,
        text === 0 ? undefined : access.string(text >>> 0),
      );
      if (access.onRefusal?.(refusal) !== true) throw refusal;
    },
    remark: (kind: number, start: number, end: number): void => {
      const name = remarkKinds[kind];
      if (name !== undefined) access.onRemark({ kind: name, start: start >>> 0, end: end >>> 0 });
    },
    parseFloat64: (address: number, length: number): number => {
      return parseLiteral(Buffer.from(access.bytes(address >>> 0, length)).toString('latin1'));
    },
    formatShortFloat: (value: number): number => access.newString(byteStringFromLatin1(formatShortFloat(value))),
  };
}

const smallestNormal = 2 ** -1022;

/** NaN where C's `strtod` reports that the value is out of range: also for one that loses digits near zero. */
function parseLiteral(text: string): number {
  const value = Number(text);
  if (!Number.isFinite(value)) return Number.NaN;
  const isZero = !/[1-9]/.test(text.replace(/e.*/i, ''));
  return value < smallestNormal && !isZero ? Number.NaN : value;
}
