/** Whether bytes are UTF-8: RFC 3629, section 4. */
export function isUtf8(bytes: usize, length: u32): bool {
  let i: u32 = 0;
  while (i < length) {
    const byte = load<u8>(bytes + i++);
    if (byte < 0x80) continue;
    if (byte < 0xc2 || byte > 0xf4) return false;
    const more: u32 = byte < 0xe0 ? 1 : byte < 0xf0 ? 2 : 3;
    if (length - i < more) return false;
    // The second byte tells what would be longer than needed, a surrogate, or beyond the last character.
    const second = load<u8>(bytes + i);
    const least: u32 = byte == 0xe0 ? 0xa0 : byte == 0xf0 ? 0x90 : 0x80;
    const most: u32 = byte == 0xed ? 0x9f : byte == 0xf4 ? 0x8f : 0xbf;
    if (second < least || second > most) return false;
    for (let j: u32 = 1; j < more; j++) if ((load<u8>(bytes + i + j) & 0xc0) != 0x80) return false;
    i += more;
  }
  return true;
}
