import { type ByteString, brandAs } from '../../../base/index.ts';
import type { CallOptions } from '../../blob-store.ts';
import { displayName } from '../../entry-name.ts';
import { CastoreError } from '../../error.ts';
import { ByteSource } from '../byte-source.ts';
import { blockSize } from './tar-header.ts';
import { TarReader } from './tar-reader.ts';

/** Where in an archive the contents of a file are, in bytes. */
export interface TarContents {
  readonly offset: number;
  readonly size: number;
}

/** Entries that are not taken for a list; it is kept in memory. */
const maxEntries = 1_000_000;
/** Links that are followed to one file. */
const maxLinks = 16;

/**
 * Where the files of a tar archive are, by paths without `.` and leading slashes, so that they can be read in any order.
 * Links are the files that they lead to; of entries with one path the last one counts. Throws `archive/…`.
 */
export async function listTar(
  source: AsyncIterable<Uint8Array> | Iterable<Uint8Array>,
  { signal }: CallOptions = {},
): Promise<ReadonlyMap<ByteString, TarContents>> {
  await using bytes = new ByteSource(source);
  const reader = new TarReader(bytes);
  const files = new Map<ByteString, TarContents>();
  const links = new Map<ByteString, ByteString>();
  let entries = 0;
  for (let entry = await reader.next(); entry !== undefined; entry = await reader.next()) {
    signal?.throwIfAborted();
    const { kind, offset, size, linkPath } = entry;
    if (++entries > maxEntries) {
      const message = `'${displayName(entry.path)}' in the archive is beyond the limit of ${maxEntries} entries`;
      throw new CastoreError('archive/too-large', message, { offset });
    }
    const path = normalPath(entry.path);
    files.delete(path);
    links.delete(path);
    if (kind === 'file') files.set(path, { offset: offset + blockSize, size });
    else if (kind === 'hard link') links.set(path, normalPath(linkPath));
    else if (kind === 'symlink') links.set(path, normalPath(joinedTarget(path, linkPath)));
  }
  for (const [path, target] of links) {
    let at: ByteString | undefined = target;
    for (let left = maxLinks; left > 0 && at !== undefined && !files.has(at); left--) at = links.get(at);
    const found = at === undefined ? undefined : files.get(at);
    if (found !== undefined) files.set(path, found);
  }
  return files;
}

function joinedTarget(path: ByteString, target: ByteString): ByteString {
  return target.startsWith('/') ? target : brandAs<ByteString>(`${path.slice(0, path.lastIndexOf('/') + 1)}${target}`);
}

/** Nothing is above the archive's root. */
function normalPath(path: ByteString): ByteString {
  const components: string[] = [];
  for (const component of path.split('/')) {
    if (component === '..') components.pop();
    else if (component !== '' && component !== '.') components.push(component);
  }
  return brandAs<ByteString>(components.join('/'));
}
