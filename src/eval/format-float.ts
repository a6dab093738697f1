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

/** As C's `%g`: six significant digits, without zeros at the end, with an exponent where that is shorter. */
export function formatShort(value: number): string {
  if (Number.isNaN(value)) return 'nan';
  if (!Number.isFinite(value)) return value < 0 ? '-inf' : 'inf';
  if (value === 0) return Object.is(value, -0) ? '-0' : '0';
  const [mantissa = '', exponentText = ''] = value.toExponential(5).split('e');
  const exponent = Number(exponentText);
  if (exponent < -4 || exponent >= 6) {
    const sign = exponent < 0 ? '-' : '+';
    return `${withoutZeros(mantissa)}e${sign}${String(Math.abs(exponent)).padStart(2, '0')}`;
  }
  return withoutZeros(value.toFixed(5 - exponent));
}

function withoutZeros(digits: string): string {
  return digits.includes('.') ? digits.replace(/\.?0+$/, '') : digits;
}
