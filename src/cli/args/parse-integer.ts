import { CliError } from '../error.ts';

const units: Readonly<Record<string, number>> = { K: 2 ** 10, M: 2 ** 20, G: 2 ** 30, T: 2 ** 40 };

/** A number, possibly with one of the units K, M, G and T (of 1,024). Throws `usage/bad-value`. */
export function parseInteger(text: string): number {
  const unit = /[A-Za-z]$/.exec(text)?.[0].toUpperCase();
  const factor = unit === undefined ? 1 : units[unit];
  if (factor === undefined) throw new CliError('usage/bad-value', `invalid unit specifier '${unit}'`);
  const digits = unit === undefined ? text : text.slice(0, -1);
  const value = Number(digits) * factor;
  if (!/^\+?[0-9]+$/.test(digits) || !Number.isSafeInteger(value)) {
    throw new CliError('usage/bad-value', `'${digits}' is not an integer`);
  }
  return value;
}
