/** The second to last bytes of a character by its first, as ranges: RFC 3629, section 4. */
export function continuations(first: number): readonly (readonly [number, number])[] | undefined {
  const any = [0x80, 0xbf] as const;
  if (first >= 0xc2 && first <= 0xdf) return [any];
  if (first === 0xe0) return [[0xa0, 0xbf], any];
  if (first === 0xed) return [[0x80, 0x9f], any];
  if (first >= 0xe1 && first <= 0xef) return [any, any];
  if (first === 0xf0) return [[0x90, 0xbf], any, any];
  if (first >= 0xf1 && first <= 0xf3) return [any, any, any];
  return first === 0xf4 ? [[0x80, 0x8f], any, any] : undefined;
}
