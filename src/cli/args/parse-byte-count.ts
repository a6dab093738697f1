import { type ByteString, displayBytes } from '../../base/index.ts';
import { parseInteger } from './parse-integer.ts';

/** What a limit in bytes says, possibly with a unit (`10G`); below 0 it is taken for 0. Throws `usage/bad-value`. */
export function parseByteCount(value: ByteString): number {
  const text = displayBytes(value);
  return text.startsWith('-') ? Math.min(0, parseInteger(text.slice(1))) : parseInteger(text);
}
