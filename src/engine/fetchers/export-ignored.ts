import { type ByteString, brandAs } from '../../base/index.ts';
import { type GitOptions, runGit, splitAtZeros } from './run-git.ts';

/** Files of a repository by path, with the folders that they are in. */
export function withFolders(files: Iterable<ByteString>): Set<ByteString> {
  const entries = new Set<ByteString>();
  for (const file of files) {
    entries.add(file);
    for (let end = file.lastIndexOf('/'); end > 0; end = file.lastIndexOf('/', end - 1)) {
      const folder = brandAs<ByteString>(file.slice(0, end));
      if (entries.has(folder)) break;
      entries.add(folder);
    }
  }
  return entries;
}

/**
 * Those of `files` that `.gitattributes` does not keep from exports, by themselves or by a folder that they are in: the files'
 * of the work tree, or with `--cached` the index's.
 */
export async function withoutExportIgnored(
  files: readonly ByteString[],
  git: GitOptions,
  from: readonly '--cached'[] = [],
): Promise<ByteString[]> {
  const entries = withFolders(files);
  if (entries.size === 0) return [];
  const input = Buffer.from([...entries].map(entry => `${entry}\0`).join(''), 'latin1');
  const output = await runGit(['check-attr', ...from, '-z', '--stdin', 'export-ignore'], { ...git, input });
  // Path, attribute, value.
  const fields = splitAtZeros(output);
  const ignored = new Set<string>();
  for (let at = 0; at + 2 < fields.length; at += 3) if (fields[at + 2] === 'set') ignored.add(fields[at] ?? '');
  if (ignored.size === 0) return [...files];
  return files.filter(file => {
    for (let end = file.length; end > 0; end = file.lastIndexOf('/', end - 1)) {
      if (ignored.has(file.slice(0, end))) return false;
    }
    return true;
  });
}
