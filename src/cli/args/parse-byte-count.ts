import { type ByteString, displayBytes } from '../../base/index.ts';
import { CliError } from '../error.ts';

const units = ['', 'K', 'M', 'G', 'T'];

/**
 * A number of bytes, which may end with a unit (`10G`: powers of 1,024); none below 0 unless it is taken for 0.
 * Throws `usage/bad-value`.
 */
export function parseByteCount(value: ByteString, options: { readonly allowNegative: boolean }): number {
  const text = displayBytes(value);
  const [, number = '', letter = ''] = /^(.*?)([A-Za-z]?)$/s.exec(text) ?? [];
  const unit = units.indexOf(letter.toUpperCase());
  if (unit < 0) throw new CliError('usage/bad-value', `invalid unit specifier '${letter.toUpperCase()}'`);
  if (!(options.allowNegative ? /^[+-]?[0-9]{1,19}$/ : /^\+?[0-9]{1,19}$/).test(number))
    throw new CliError('usage/bad-value', `'${number}' is not an integer`);
  return Math.max(0, Number(number)) * 1024 ** unit;
}
