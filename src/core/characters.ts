/** What bytes may be part of. Bytes beyond ASCII are in no class. */

export const enum Char {
  Tab = 0x09,
  LineFeed = 0x0a,
  CarriageReturn = 0x0d,
  Space = 0x20,
  Exclamation = 0x21,
  Quote = 0x22,
  Hash = 0x23,
  Dollar = 0x24,
  Ampersand = 0x26,
  Apostrophe = 0x27,
  Star = 0x2a,
  Plus = 0x2b,
  Minus = 0x2d,
  Dot = 0x2e,
  Slash = 0x2f,
  Digit0 = 0x30,
  Digit9 = 0x39,
  Colon = 0x3a,
  Less = 0x3c,
  Equal = 0x3d,
  Greater = 0x3e,
  UpperE = 0x45,
  Backslash = 0x5c,
  Underscore = 0x5f,
  LowerE = 0x65,
  LowerN = 0x6e,
  LowerR = 0x72,
  LowerT = 0x74,
  BraceOpen = 0x7b,
  Bar = 0x7c,
  BraceClose = 0x7d,
  Tilde = 0x7e,
}

export const enum CharClass {
  Space = 1,
  NameStart = 2,
  NamePart = 4,
  Digit = 8,
  PathPart = 16,
  SchemePart = 32,
  UriPart = 64,
  Letter = 128,
}

const classes = memory.data(256);

export function hasClass(byte: u32, wanted: CharClass): bool {
  return (load<u8>(classes + byte) & wanted) != 0;
}

/** Of the byte at an address. */
export function classAt(at: usize, wanted: CharClass): bool {
  return (load<u8>(classes + load<u8>(at)) & wanted) != 0;
}

function add(characters: string, charClass: CharClass): void {
  for (let i = 0; i < characters.length; i++) addByte(characters.charCodeAt(i), charClass);
}

function addByte(byte: u32, charClass: CharClass): void {
  store<u8>(classes + byte, load<u8>(classes + byte) | <u8>charClass);
}

function addRange(first: u32, last: u32, charClass: CharClass): void {
  for (let byte = first; byte <= last; byte++) addByte(byte, charClass);
}

const inEveryWord = CharClass.NamePart | CharClass.PathPart | CharClass.SchemePart | CharClass.UriPart;

add(' \t\r\n', CharClass.Space);
addRange(0x41, 0x5a, CharClass.Letter | CharClass.NameStart | inEveryWord);
addRange(0x61, 0x7a, CharClass.Letter | CharClass.NameStart | inEveryWord);
addRange(Char.Digit0, Char.Digit9, CharClass.Digit | inEveryWord);
add('_', CharClass.NameStart);
add("_'-", CharClass.NamePart);
add('._-+', CharClass.PathPart);
add('+-.', CharClass.SchemePart);
add("%/?:@&=+$,-_.!~*'", CharClass.UriPart);

/** Every byte at its own index: text that is not in the source. */
export const bytesTable = memory.data(256);

for (let byte: u32 = 0; byte < 256; byte++) store<u8>(bytesTable + byte, <u8>byte);
