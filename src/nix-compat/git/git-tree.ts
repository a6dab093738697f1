import { type ByteString, asBuffer, byteStringOf, displayBytes } from '../../base/index.ts';
import { NixCompatError, type NixCompatErrorCode } from '../error.ts';
import { excerpt } from '../excerpt.ts';
import { hashSize } from '../hash/algorithm.ts';
import { type NixHash, makeHash } from '../hash/hash.ts';
import { isFileName } from '../nar/file-name.ts';
import type { GitAlgorithm } from './git-object.ts';

/** What an entry of a tree is: a blob taken for a file or for a symlink's target, or another tree. */
export type GitMode = 'regular' | 'executable' | 'symlink' | 'directory';

/** The modes as trees spell them: octal, without leading zeros. */
const modeTexts: Readonly<Record<GitMode, string>> = {
  regular: '100644',
  executable: '100755',
  symlink: '120000',
  directory: '40000',
};

const modesByText: ReadonlyMap<string, GitMode> = new Map([
  [modeTexts.regular, 'regular'],
  [modeTexts.executable, 'executable'],
  [modeTexts.symlink, 'symlink'],
  [modeTexts.directory, 'directory'],
]);

export interface GitTreeEntry {
  readonly name: ByteString;
  readonly mode: GitMode;
  readonly hash: NixHash;
}

/** The content of a tree object with these entries, in whatever order they come. */
export function formatGitTree(entries: readonly GitTreeEntry[]): Buffer {
  const parts: Uint8Array[] = [];
  for (const { name, mode, hash } of entries.toSorted(compareEntries))
    parts.push(Buffer.from(`${modeTexts[mode]} ${name}\0`, 'latin1'), hash.digest);
  return Buffer.concat(parts);
}

function compareEntries(a: GitTreeEntry, b: GitTreeEntry): number {
  return sortKey(a) < sortKey(b) ? -1 : 1;
}

/** Git orders a directory as if its name ended in a slash. */
function sortKey(entry: Pick<GitTreeEntry, 'name' | 'mode'>): string {
  return entry.mode === 'directory' ? `${entry.name}/` : entry.name;
}

/**
 * Parses the content of a tree object (what follows its header). Throws `git/...` for other modes than GitMode has
 * (submodules), for names that no file can have, and for duplicates and any order but git's, so that what is accepted
 * serialises to the same bytes.
 */
export function parseGitTree(content: Uint8Array, algorithm: GitAlgorithm): GitTreeEntry[] {
  const bytes = asBuffer(content);
  const entries: GitTreeEntry[] = [];
  const names = new Set<ByteString>();
  let previousKey = '';
  for (let at = 0; at < bytes.length;) {
    const modeEnd = bytes.indexOf(' ', at, 'latin1');
    const nameEnd = modeEnd === -1 ? -1 : bytes.indexOf(0, modeEnd);
    const end = nameEnd + 1 + hashSize(algorithm);
    if (nameEnd === -1 || end > bytes.length) throw refuse('git/truncated', at, 'a git tree ends within an entry');
    const mode = parseMode(bytes, at, modeEnd);
    const name = byteStringOf(bytes.subarray(modeEnd + 1, nameEnd));
    const key = sortKey({ name, mode });
    if (!isFileName(name))
      throw refuse(
        'git/bad-name',
        modeEnd + 1,
        `a git tree has the invalid file name '${excerpt(displayBytes(name))}'`,
      );
    if (names.has(name))
      throw refuse('git/duplicate-name', modeEnd + 1, `a git tree lists '${excerpt(displayBytes(name))}' twice`);
    if (key <= previousKey)
      throw refuse('git/unsorted', modeEnd + 1, `a git tree is not sorted at '${excerpt(displayBytes(name))}'`);
    names.add(name);
    previousKey = key;
    entries.push({ name, mode, hash: makeHash(algorithm, Uint8Array.from(bytes.subarray(nameEnd + 1, end))) });
    at = end;
  }
  return entries;
}

/** Reads the mode from `start` to `end`. */
function parseMode(bytes: Buffer, start: number, end: number): GitMode {
  // Bounded, so that a message does not repeat megabytes.
  const text = bytes.toString('latin1', start, Math.min(end, start + 16));
  const mode = modesByText.get(text);
  if (mode !== undefined) return mode;
  throw refuse('git/bad-mode', start, `Unknown Git permission: ${/^[0-7]*$/.test(text) ? text : JSON.stringify(text)}`);
}

function refuse(code: NixCompatErrorCode, offset: number, message: string): NixCompatError {
  return new NixCompatError(code, message, { offset });
}
