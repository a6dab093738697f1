import { NixCompatError, type NixCompatErrorCode } from '../error.ts';
import { decodeBase64, encodeBase64 } from '../hash/base64.ts';

/** `<name>:<base64>`: the notation of keys and signatures. Neither part is empty. */
export interface NamedBase64 {
  readonly name: string;
  readonly bytes: Uint8Array;
}

/** `subject` is what the messages call it; the refusal of anything malformed has code `code`. */
export function parseNamedBase64(text: string, subject: 'key' | 'signature', code: NixCompatErrorCode): NamedBase64 {
  const colon = text.indexOf(':');
  if (colon <= 0) throw new NixCompatError(code, `${subject} is corrupt`, { offset: 0 });
  let bytes: Uint8Array;
  try {
    bytes = decodeBase64(text.slice(colon + 1));
  } catch (error) {
    if (!(error instanceof NixCompatError)) throw error;
    throw new NixCompatError(code, error.message, { offset: colon + 1 + (error.offset ?? 0), cause: error });
  }
  if (bytes.length === 0) throw new NixCompatError(code, `${subject} is corrupt`, { offset: colon + 1 });
  return { name: text.slice(0, colon), bytes };
}

export function formatNamedBase64(value: NamedBase64): string {
  return `${value.name}:${encodeBase64(value.bytes)}`;
}
