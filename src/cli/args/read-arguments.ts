import { readFileSync } from 'node:fs';
import { type ByteString, byteStringFromLatin1, byteStringFromText } from '../../base/index.ts';

/**
 * The arguments of this process as bytes. Node decodes them as UTF-8; where that lost something (a replacement
 * character) the kernel still has the original, on Linux.
 */
export function readArguments(argv: readonly string[]): ByteString[] {
  const decoded = argv.map(byteStringFromText);
  if (process.platform !== 'linux' || !argv.some(arg => arg.includes('\ufffd'))) return decoded;
  const raw = readFileSync('/proc/self/cmdline', 'latin1').split('\0').slice(0, -1);
  return raw.slice(raw.length - argv.length).map(byteStringFromLatin1);
}
