const magic = Buffer.from('fd377a585a00', 'hex');

/** Where the header of the first block is; before it come magic, flags and a CRC32. */
const blockHeaderAt = 12;

/** None, CRC32 and CRC64; others are SHA-256 and what is reserved. */
const plainChecks: ReadonlySet<number> = new Set([0, 1, 4]);

const lzma2 = 0x21;

/** Of the size of a dictionary, in the notation of LZMA2: 64 MiB, as `xz -9` has it. */
const largestDictionary = 28;

/**
 * Whether a file of xz that begins with `head` can be read by a decoder that is made for what `xz` writes unless told
 * otherwise: one filter, LZMA2, with a dictionary of at most 64 MiB, and no check but CRCs ("The .xz File Format",
 * sections 2.1.1 and 3.1). What is no file of xz, or breaks off, can: that decoder says what is wrong.
 */
export function isPlainXz(head: Uint8Array): boolean {
  if (!magic.equals(head.subarray(0, magic.length))) return true;
  if (!plainChecks.has((head[7] ?? 0) & 0x0f)) return false;
  const flags = head[blockHeaderAt + 1] ?? 0;
  const filters = (flags & 0x03) + 1;
  if (filters > 1) return false;
  let at = blockHeaderAt + 2;
  // Sizes of the block, as numbers of seven bits a byte; the eighth says that more follow.
  for (const isPresent of [(flags & 0x40) !== 0, (flags & 0x80) !== 0]) {
    if (!isPresent) continue;
    while (((head[at] ?? 0) & 0x80) !== 0) at++;
    at++;
  }
  const [id = lzma2, , dictionary = 0] = head.subarray(at, at + 3);
  return id === lzma2 && dictionary <= largestDictionary;
}
