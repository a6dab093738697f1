/** Bytes of a blob that are wanted; `end` is the first that is not. */
export interface ByteRange {
  readonly start: number;
  readonly end: number;
}

/**
 * What the header `range` asks for (RFC 9110, 14.2): undefined for all, also where it is in other units, malformed or of several
 * parts, which a server may pass over; `unsatisfiable` where nothing of it is there.
 */
export function parseRange(header: string | undefined, size: number): ByteRange | undefined | 'unsatisfiable' {
  const match = header === undefined ? null : /^bytes=([0-9]{0,15})-([0-9]{0,15})$/.exec(header.trim());
  if (match === null) return undefined;
  const [, first = '', last = ''] = match;
  if (first === '' && last === '') return undefined;
  if (first === '') {
    const length = Math.min(size, Number(last));
    return length === 0 ? 'unsatisfiable' : { start: size - length, end: size };
  }
  const start = Number(first);
  if (last !== '' && Number(last) < start) return undefined;
  if (start >= size) return 'unsatisfiable';
  return { start, end: last === '' ? size : Math.min(size, Number(last) + 1) };
}
