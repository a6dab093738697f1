/**
 * How C++ Nix prints a floating-point number in JSON: the digits of Grisu2 (Florian Loitsch, "Printing Floating-Point
 * Numbers Quickly and Accurately with Integers", 2010), with a fraction or an exponent always present.
 *
 * Grisu2 is nearly always, not always, the shortest text that reads back as the number, so JavaScript's own digits
 * would differ for about one number in a thousand, and with them the hash of a derivation that holds it. Such numbers
 * are rare in derivations, so this prefers being plain (`bigint`) to being fast: about 3 us a number.
 */
export function formatFloat(value: number): string {
  if (!Number.isFinite(value)) return 'null';
  if (value === 0) return Object.is(value, -0) ? '-0.0' : '0.0';
  const { digits, exponent } = grisu2(Math.abs(value));
  return (value < 0 ? '-' : '') + placePoint(digits, exponent);
}

/** A number `significand * 2^exponent`, its significand of at most 64 bits. */
interface Binary {
  readonly significand: bigint;
  readonly exponent: number;
}

/** A number `digits * 10^exponent`. */
interface Decimal {
  readonly digits: string;
  readonly exponent: number;
}

const view = new DataView(new ArrayBuffer(8));

/** `value` exactly, and the points half-way to its neighbours; all three with the exponent of the upper one. */
function boundaries(value: number): { readonly lower: Binary; readonly exact: Binary; readonly upper: Binary } {
  view.setFloat64(0, value);
  const bits = view.getBigUint64(0);
  const fraction = bits & (2n ** 52n - 1n);
  const biased = Number(bits >> 52n);
  const significand = biased === 0 ? fraction : fraction + 2n ** 52n;
  const exponent = biased === 0 ? -1074 : biased - 1075;
  // Below a power of two the neighbour is only half as far away.
  const lowerIsCloser = fraction === 0n && biased > 1;
  const upper = normalize({ significand: 2n * significand + 1n, exponent: exponent - 1 });
  const scaled = (numerator: bigint, at: number): Binary => ({
    significand: numerator << BigInt(at - upper.exponent),
    exponent: upper.exponent,
  });
  const lower = lowerIsCloser
    ? scaled(4n * significand - 1n, exponent - 2)
    : scaled(2n * significand - 1n, exponent - 1);
  return { lower, exact: scaled(significand, exponent), upper };
}

function normalize({ significand, exponent }: Binary): Binary {
  const shift = 64 - significand.toString(2).length;
  return { significand: significand << BigInt(shift), exponent: exponent - shift };
}

/** 10^`power` with a significand of 64 bits, rounded to the nearest. */
function powerOfTen(power: number): Binary {
  // Enough bits below the point that the significand never loses any before it is rounded.
  const scale = 1200;
  const scaled = power >= 0 ? (10n ** BigInt(power)) << BigInt(scale) : (1n << BigInt(scale)) / 10n ** BigInt(-power);
  const excess = scaled.toString(2).length - 64;
  const rounded = (scaled + (1n << BigInt(excess - 1))) >> BigInt(excess);
  return normalize({ significand: rounded, exponent: excess - scale });
}

// The powers that are used are eight apart, which leaves a product's exponent between -60 and -32.
const firstPower = -300;
const powerStep = 8;
const powers = new Map<number, Binary>();

/** The power of ten that brings a number of this binary exponent into the range that `generateDigits` works in. */
function scalingPower(exponent: number): { readonly power: number; readonly factor: Binary } {
  const wanted = -60 - exponent - 1;
  const minimum = Math.trunc((wanted * 78913) / 2 ** 18) + (wanted > 0 ? 1 : 0);
  const index = Math.trunc((minimum - firstPower + powerStep - 1) / powerStep);
  const power = firstPower + index * powerStep;
  let factor = powers.get(power);
  if (factor === undefined) {
    factor = powerOfTen(power);
    powers.set(power, factor);
  }
  return { power, factor };
}

/** The upper 64 bits of the product, rounded to the nearest. */
function multiply(a: Binary, b: Binary): Binary {
  const product = a.significand * b.significand + 2n ** 63n;
  return { significand: product >> 64n, exponent: a.exponent + b.exponent + 64 };
}

function grisu2(value: number): Decimal {
  const { lower, exact, upper } = boundaries(value);
  const { power, factor } = scalingPower(upper.exponent);
  const { digits, exponent } = generateDigits(
    multiply(lower, factor),
    multiply(exact, factor),
    multiply(upper, factor),
  );
  return { digits, exponent: exponent - power };
}

/** The fewest digits that stay between the bounds, the last of them then moved towards `exact`. */
function generateDigits(lower: Binary, exact: Binary, upper: Binary): Decimal {
  // The bounds come from rounded products: one unit inwards they are safe.
  const top = upper.significand - 1n;
  let room = top - (lower.significand + 1n);
  let distance = top - exact.significand;
  const shift = BigInt(-upper.exponent);
  const one = 1n << shift;
  const integer = (top >> shift).toString();
  let rest = top & (one - 1n);

  for (let count = 1; count <= integer.length; count++) {
    const dropped = integer.length - count;
    const remainder = (BigInt(integer.slice(count) || '0') << shift) + rest;
    if (remainder <= room) {
      const unit = (10n ** BigInt(dropped)) << shift;
      return { digits: approach(integer.slice(0, count), { distance, room, remainder, unit }), exponent: dropped };
    }
  }
  let digits = integer;
  for (let exponent = -1; ; exponent--) {
    rest *= 10n;
    room *= 10n;
    distance *= 10n;
    digits += (rest >> shift).toString();
    rest &= one - 1n;
    if (rest <= room) return { digits: approach(digits, { distance, room, remainder: rest, unit: one }), exponent };
  }
}

/** Lowers the last digit while that brings the number, `remainder` below the top, closer to `distance` below it. */
function approach(
  digits: string,
  at: { readonly distance: bigint; readonly room: bigint; readonly remainder: bigint; readonly unit: bigint },
): string {
  const { distance, room, unit } = at;
  let remainder = at.remainder;
  let last = Number(digits.at(-1));
  while (
    remainder < distance &&
    room - remainder >= unit &&
    (remainder + unit < distance || distance - remainder > remainder + unit - distance)
  ) {
    last--;
    remainder += unit;
  }
  return digits.slice(0, -1) + String(last);
}

/** Plain notation for 1e-5 < value < 1e15, otherwise an exponent of at least two digits. */
function placePoint(digits: string, exponent: number): string {
  const point = digits.length + exponent;
  if (digits.length <= point && point <= 15) return `${digits.padEnd(point, '0')}.0`;
  if (point > 0 && point <= 15) return `${digits.slice(0, point)}.${digits.slice(point)}`;
  if (point > -4 && point <= 0) return `0.${'0'.repeat(-point)}${digits}`;
  const scientific = point - 1;
  const mantissa = digits.length === 1 ? digits : `${digits.slice(0, 1)}.${digits.slice(1)}`;
  return `${mantissa}e${scientific < 0 ? '-' : '+'}${String(Math.abs(scientific)).padStart(2, '0')}`;
}
