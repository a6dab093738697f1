/**
 * Bytes as text for messages that can be written as the bytes they were: what is not UTF-8 is held as lone low surrogates,
 * U+DC80 to U+DCFF for 80 to FF (as in PEP 383), which no UTF-8 decodes to. Whoever does not know that writes U+FFFD for each.
 */

const fatal = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });
const escaped = /[\uDC80-\uDCFF]/u;

export function decodeForDisplay(bytes: Uint8Array): string {
  try {
    return fatal.decode(bytes);
  } catch {
    return decodePiecewise(bytes);
  }
}

function decodePiecewise(bytes: Uint8Array): string {
  let text = '';
  let start = 0;
  for (let at = 0; at < bytes.length;) {
    const size = sequenceAt(bytes, at);
    if (size > 0) {
      at += size;
      continue;
    }
    text += fatal.decode(bytes.subarray(start, at)) + String.fromCharCode(0xdc00 + (bytes[at] ?? 0));
    start = ++at;
  }
  return text + fatal.decode(bytes.subarray(start));
}

/** How many bytes the character at `at` takes; 0 where there is none. */
function sequenceAt(bytes: Uint8Array, at: number): number {
  const first = bytes[at] ?? 0;
  const size = first < 0x80 ? 1 : first < 0xc2 ? 0 : first < 0xe0 ? 2 : first < 0xf0 ? 3 : first < 0xf5 ? 4 : 0;
  if (size <= 1) return size;
  try {
    fatal.decode(bytes.subarray(at, at + size));
    return size;
  } catch {
    return 0;
  }
}

/** The bytes of a text with parts of `decodeForDisplay`. */
export function encodeDisplayed(text: string): Buffer {
  if (!escaped.test(text)) return Buffer.from(text);
  const parts = text.split(/([\uDC80-\uDCFF])/u);
  return Buffer.concat(
    parts.map((part, index) => (index % 2 === 0 ? Buffer.from(part) : Buffer.of(part.charCodeAt(0) - 0xdc00))),
  );
}
