import { bytesOf } from '../../../base/index.ts';
import type { GitEntryKind, GitTreeEntry } from './git-object.ts';

const modes: { readonly [kind in GitEntryKind]: string } = {
  file: '100644',
  executable: '100755',
  symlink: '120000',
  directory: '40000',
  submodule: '160000',
};

/** The contents of a tree object. Entries are put into git's order, in which a directory's name ends with a slash. */
export function encodeGitTree(entries: readonly GitTreeEntry[]): Uint8Array {
  const sorted = entries.toSorted((a, b) => (sortKey(a) < sortKey(b) ? -1 : 1));
  const pieces = sorted.flatMap(({ name, kind, id }) => [
    Buffer.from(`${modes[kind]} `),
    bytesOf(name),
    Buffer.of(0),
    Buffer.from(id, 'hex'),
  ]);
  return Buffer.concat(pieces);
}

function sortKey({ name, kind }: GitTreeEntry): string {
  return kind === 'directory' ? `${name}/` : name;
}
