import { type ByteString, brandAs, byteStringOf, bytesOf } from '../../base/index.ts';
import { NixCompatError } from '../error.ts';
import { excerpt } from '../excerpt.ts';

/** What a binary cache says of itself in its file `nix-cache-info`. */
export interface NixCacheInfo {
  /** The store directory of its paths, as it is written there. */
  readonly storeDir?: ByteString | undefined;
  /** Whether the cache is fast enough to be asked for many paths at once. */
  readonly wantMassQuery?: boolean | undefined;
  /** The lowest is asked first. */
  readonly priority?: number | undefined;
}

/** The longest file that is parsed, in bytes. */
export const maxNixCacheInfoSize = 64 * 1024;

const blanks = ' \t\r';

/** Ignores unknown fields and lines without a colon. Throws `nix-cache-info/too-large` or `nix-cache-info/bad-priority`. */
export function parseNixCacheInfo(bytes: Uint8Array): NixCacheInfo {
  if (bytes.byteLength > maxNixCacheInfoSize) {
    const message = `nix-cache-info is too large: ${bytes.byteLength} bytes, where ${maxNixCacheInfoSize} are allowed`;
    throw new NixCompatError('nix-cache-info/too-large', message, { offset: maxNixCacheInfoSize });
  }
  const info: NixCacheInfo = {};
  let at = 0;
  for (const line of byteStringOf(bytes).split('\n')) {
    const colon = line.indexOf(':');
    if (colon >= 0) Object.assign(info, parseField(line.slice(0, colon), line.slice(colon + 1), at + colon + 1));
    at += line.length + 1;
  }
  return info;
}

function parseField(name: string, text: string, offset: number): NixCacheInfo {
  const value = trimBlanks(text);
  switch (name) {
    case 'StoreDir':
      return { storeDir: brandAs<ByteString>(value) };
    case 'WantMassQuery':
      return { wantMassQuery: value === '1' };
    case 'Priority': {
      // As std::stoi: what follows the digits is ignored. Adding makes -0 0.
      const priority = Number.parseInt(value, 10) + 0;
      if (Math.abs(priority) < 2 ** 31) return { priority };
      const message = `nix-cache-info has an invalid Priority: '${excerpt(value)}' is not an integer`;
      throw new NixCompatError('nix-cache-info/bad-priority', message, { offset });
    }
    default:
      return {};
  }
}

/** Without blanks, tabs and carriage returns at both ends. (A pattern would look at each run of them within, again and again.) */
function trimBlanks(text: string): string {
  let start = 0;
  let end = text.length;
  while (start < end && blanks.includes(text.charAt(start))) start++;
  while (end > start && blanks.includes(text.charAt(end - 1))) end--;
  return text.slice(start, end);
}

export function formatNixCacheInfo(info: NixCacheInfo): Buffer {
  const lines: string[] = [];
  if (info.storeDir !== undefined) lines.push(`StoreDir: ${info.storeDir}\n`);
  if (info.wantMassQuery !== undefined) lines.push(`WantMassQuery: ${info.wantMassQuery ? '1' : '0'}\n`);
  if (info.priority !== undefined) lines.push(`Priority: ${info.priority}\n`);
  return bytesOf(brandAs<ByteString>(lines.join('')));
}
