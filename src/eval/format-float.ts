/** As C's `%f`: six digits after the point. */
export function formatSixDigits(value: number): string {
  if (Number.isNaN(value)) return 'nan';
  if (!Number.isFinite(value)) return value < 0 ? '-inf' : 'inf';
  const negative = value < 0 || Object.is(value, -0);
  const size = Math.abs(value);
  // Beyond 10^21 toFixed turns to exponents; such numbers have no fraction.
  const digits = size < 1e21 ? size.toFixed(6) : `${BigInt(size)}.000000`;
  return `${negative ? '-' : ''}${digits}`;
}
