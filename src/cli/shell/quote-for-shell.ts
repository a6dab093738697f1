import { type ByteString, byteStringFromLatin1 } from '../../base/index.ts';

/** A text as one word of a shell's command, in quotes. */
export function quoteForShell(text: string): ByteString {
  return byteStringFromLatin1(`'${text.replaceAll("'", String.raw`'\''`)}'`);
}
