/** Sizes and a place that do not fit into 32 bits are all ones in the header, and in a field behind it. */
export interface ZipNumbers {
  readonly size: number;
  readonly compressedSize: number;
  readonly offset: number;
}

/** What fields behind a header are: sizes in 64 bits, a time of Unix, the older form of that. */
const ids = { zip64: 0x0001, extendedTime: 0x5455, infoZip: 0x5855 } as const;

const inField = 0xffffffff;

/**
 * The numbers of a header with what the fields behind it say, and the time of modification, if one says it; undefined where
 * they lack what the header leaves to them (APPNOTE, sections 4.5.3 and 4.6).
 */
export function readExtraFields(
  extra: Buffer,
  given: ZipNumbers,
): (ZipNumbers & { readonly mtime: number | undefined }) | undefined {
  let numbers: ZipNumbers | undefined = given;
  let isComplete = given.size !== inField && given.compressedSize !== inField && given.offset !== inField;
  let mtime: number | undefined;
  for (let at = 0; at + 4 <= extra.byteLength;) {
    const end = at + 4 + extra.readUInt16LE(at + 2);
    // What is left may be padding.
    if (end > extra.byteLength) break;
    const id = extra.readUInt16LE(at);
    const data = extra.subarray(at + 4, end);
    if (id === ids.zip64) {
      numbers = widen(given, data);
      isComplete = true;
    } else if (id === ids.extendedTime && data.byteLength >= 5 && ((data[0] ?? 0) & 1) !== 0) {
      mtime = data.readInt32LE(1);
    } else if (id === ids.infoZip && data.byteLength >= 8) mtime = data.readInt32LE(4);
    at = end;
  }
  return numbers === undefined || !isComplete ? undefined : { ...numbers, mtime };
}

/** In this order, of those alone that the header leaves out. */
function widen(given: ZipNumbers, data: Buffer): ZipNumbers | undefined {
  let at = 0;
  const read = (value: number): number => {
    if (value !== inField) return value;
    if (at + 8 > data.byteLength) return Number.NaN;
    at += 8;
    return Number(data.readBigUInt64LE(at - 8));
  };
  const [size, compressedSize, offset] = [read(given.size), read(given.compressedSize), read(given.offset)];
  const isSound = [size, compressedSize, offset].every(value => Number.isSafeInteger(value));
  return isSound ? { size, compressedSize, offset } : undefined;
}
