import { asBuffer } from '../../base/index.ts';
import { formatNamedBase64, parseNamedBase64 } from './named-base64.ts';

/** A signature and the name of the key that made it. Its length is checked where it is verified. */
export interface Signature {
  readonly keyName: string;
  readonly bytes: Uint8Array;
}

/** Parses `<key name>:<base64>`. Throws `signature/malformed`. */
export function parseSignature(text: string): Signature {
  const { name, bytes } = parseNamedBase64(text, 'signature', 'signature/malformed');
  return { keyName: name, bytes };
}

export function formatSignature(signature: Signature): string {
  return formatNamedBase64({ name: signature.keyName, bytes: signature.bytes });
}

/** For sorting in the order of C++ Nix's sets: by key name, then by bytes. */
export function compareSignatures(a: Signature, b: Signature): number {
  if (a.keyName !== b.keyName) return a.keyName < b.keyName ? -1 : 1;
  return asBuffer(a.bytes).compare(b.bytes);
}

/** Sorted, without duplicates. */
export function sortSignatures(signatures: Iterable<Signature>): Signature[] {
  const sorted = Array.from(signatures).toSorted(compareSignatures);
  return sorted.filter((signature, i) => {
    const before = sorted[i - 1];
    return before === undefined || compareSignatures(before, signature) !== 0;
  });
}
