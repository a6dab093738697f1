import { type Hash, createHash } from 'node:crypto';
import { type ByteString, asBuffer, brandAs, toHex } from '../../../base/index.ts';
import { displayName, isEntryName } from '../../entry-name.ts';
import { CastoreError } from '../../error.ts';

/** What git calls an object: SHA-1 or SHA-256 of it in base16, of 40 or 64 digits. */
export type GitObjectId = string;

export type GitEntryKind = 'file' | 'executable' | 'symlink' | 'directory' | 'submodule';

export interface GitTreeEntry {
  readonly name: ByteString;
  readonly kind: GitEntryKind;
  readonly id: GitObjectId;
}

/** Modes as trees spell them; the one writable by the group is from git's early days. */
const kinds: ReadonlyMap<string, GitEntryKind> = new Map([
  ['100644', 'file'],
  ['100664', 'file'],
  ['100755', 'executable'],
  ['120000', 'symlink'],
  ['40000', 'directory'],
  ['160000', 'submodule'],
]);

const idPattern = /^(?:[0-9a-f]{40}|[0-9a-f]{64})$/;

/** Throws `git-object/malformed`. */
export function checkGitObjectId(id: string): void {
  if (!idPattern.test(id)) throw malformed(`'${id.slice(0, 80)}' is no name of a git object`);
}

/** Hashes an object of a type and size as git does, by the function that `id` is of. */
export function startGitHash(id: GitObjectId, type: string, size: number): Hash {
  return createHash(id.length === 40 ? 'sha1' : 'sha256').update(`${type} ${size}\0`);
}

/**
 * The entries of a tree object's contents, whose ids have as many digits as `id`, the tree's own. Throws
 * `git-object/malformed` for names that no file can have or that come twice, and unknown modes. Their order is not looked at.
 */
export function parseGitTree(contents: Uint8Array, id: GitObjectId): GitTreeEntry[] {
  const bytes = asBuffer(contents);
  const idSize = id.length / 2;
  const entries: GitTreeEntry[] = [];
  const names = new Set<ByteString>();
  for (let at = 0; at < bytes.byteLength;) {
    const space = bytes.indexOf(0x20, at);
    const nul = space === -1 ? -1 : bytes.indexOf(0, space);
    const end = nul + 1 + idSize;
    if (nul === -1 || end > bytes.byteLength) throw malformed(`the git tree ${id} breaks off`, at);
    const mode = bytes.toString('latin1', at, Math.min(space, at + 16));
    const kind = kinds.get(mode);
    if (kind === undefined)
      throw malformed(`the git tree ${id} has an entry of the unknown mode ${JSON.stringify(mode)}`, at);
    const name = brandAs<ByteString>(bytes.toString('latin1', space + 1, nul));
    if (!isEntryName(name)) throw malformed(`the git tree ${id} has an entry named '${displayName(name)}'`, space + 1);
    if (names.has(name)) throw malformed(`the git tree ${id} has two entries named '${displayName(name)}'`, space + 1);
    names.add(name);
    entries.push({ name, kind, id: toHex(bytes.subarray(nul + 1, end)) });
    at = end;
  }
  return entries;
}

function malformed(message: string, offset?: number): CastoreError {
  return new CastoreError('git-object/malformed', message, { offset });
}
