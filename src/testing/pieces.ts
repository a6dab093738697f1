/** `bytes` in pieces of `size`, each in memory of its own that is overwritten when the next is asked for. */
export function* inPieces(bytes: Uint8Array, size: number): Generator<Uint8Array, void, undefined> {
  for (let at = 0; at < bytes.length; at += size) {
    const piece = Uint8Array.from(bytes.subarray(at, at + size));
    yield piece;
    piece.fill(0xaa);
  }
}
