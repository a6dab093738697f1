import { existsSync, mkdirSync, mkdtempSync, renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type ByteString, brandAs, byteStringOf } from '../../base/index.ts';
import { type InputAttributes, inputFromAttributes, inputToUrl } from '../../eval/index.ts';
import { withTraceAsync } from '../evaluation/with-trace.ts';
import { withoutExportIgnored } from './export-ignored.ts';
import type { FetchContext } from './fetch-tree.ts';
import { type GitCommit, findCommit } from './find-commit.ts';
import { locateRepository } from './git-location.ts';
import { resolveSubmoduleUrl, submodulesOfCommit } from './git-submodules.ts';
import { type GitOptions, runGit, splitAtZeros } from './run-git.ts';

/**
 * A folder of the cache with the files of a commit, as git has them: no filter or attribute changes their contents. With
 * submodules it has these, too: which commits of which is part of the commit's tree, so the same tree is the same folder. It
 * is renamed into place when it is complete.
 */
export async function unpackCommit(commit: GitCommit, input: InputAttributes, context: FetchContext): Promise<string> {
  const { git, rev } = commit;
  const tree = (await runGit(['rev-parse', `${rev}^{tree}`], git)).toString().trim();
  const exportIgnore = input.get('exportIgnore') === true;
  const submodules = input.get('submodules') === true;
  const cache = join(context.cacheFolder, 'git-trees-v1');
  const target = join(cache, `${tree}${exportIgnore ? '-export' : ''}${submodules ? '-submodules' : ''}`);
  if (existsSync(target)) return target;
  mkdirSync(cache, { recursive: true });
  const staging = mkdtempSync(join(cache, 'new-'));
  try {
    const folder = join(staging, 'tree');
    mkdirSync(folder);
    const index = join(staging, 'index');
    const entries = await entriesOf(commit, exportIgnore ? index : undefined);
    await writeEntries(git, Buffer.from(folder), entries);
    if (submodules) await writeSubmodules(commit, { folder: Buffer.from(folder), entries }, context);
    try {
      renameSync(folder, target);
    } catch (error) {
      // Somebody else was quicker.
      if (!existsSync(target)) throw error;
    }
    return target;
  } finally {
    rmSync(staging, { recursive: true, force: true });
  }
}

interface CommitEntry {
  /** Octal: 100644, 100755, 120000 for symlinks, 160000 for submodules. */
  readonly mode: string;
  readonly object: string;
}

type CommitEntries = ReadonlyMap<ByteString, CommitEntry>;

const submoduleMode = '160000';

/** The files and submodules of a commit by path; with `index`, where one may be written, but for what is not exported. */
async function entriesOf({ git, rev }: GitCommit, index: string | undefined): Promise<CommitEntries> {
  const entries = new Map<ByteString, CommitEntry>();
  for (const line of splitAtZeros(await runGit(['ls-tree', '-r', '-z', '--full-tree', rev], git))) {
    const [mode = '', , object = ''] = line.slice(0, line.indexOf('\t')).split(' ');
    entries.set(brandAs<ByteString>(line.slice(line.indexOf('\t') + 1)), { mode, object });
  }
  if (index === undefined) return entries;
  // Attributes are read from an index, which is that of the commit then.
  const own: GitOptions = { ...git, environment: { ...git.environment, GIT_INDEX_FILE: index } };
  await runGit(['read-tree', rev], own);
  const exported = new Set(await withoutExportIgnored([...entries.keys()], own, ['--cached']));
  return new Map([...entries].filter(([path]) => exported.has(path)));
}

async function writeEntries(git: GitOptions, folder: Buffer, entries: CommitEntries): Promise<void> {
  const files = [...entries.values()].filter(({ mode }) => mode !== submoduleMode);
  const contents = await readObjects(
    git,
    files.map(({ object }) => object),
  );
  for (const [path, { mode, object }] of entries) writeEntry(placeIn(folder, path), mode, contents.get(object));
}

function placeIn(folder: Buffer, path: ByteString): Buffer {
  return Buffer.concat([folder, Buffer.from(`/${path}`, 'latin1')]);
}

function writeEntry(place: Buffer, mode: string, contents: Buffer | undefined): void {
  mkdirSync(place.subarray(0, place.lastIndexOf('/')), { recursive: true });
  // A submodule is an empty folder.
  if (contents === undefined) mkdirSync(place);
  else if (mode === '120000') symlinkSync(contents, place);
  else writeFileSync(place, contents, { mode: mode === '100755' ? 0o755 : 0o644 });
}

/** Fills the empty folders of submodules that `.gitmodules` knows, and those of theirs. Throws `eval/error`. */
async function writeSubmodules(
  { git, ref, rev }: GitCommit,
  { folder, entries }: { readonly folder: Buffer; readonly entries: CommitEntries },
  context: FetchContext,
): Promise<void> {
  for (const { path, url, branch } of await submodulesOfCommit(git, rev)) {
    const entry = entries.get(path);
    if (entry?.mode !== submoduleMode) continue;
    const attributes = new Map<string, string | boolean>([
      ['type', 'git'],
      ['url', await resolveSubmoduleUrl(git, url)],
      ['rev', entry.object],
      ['exportIgnore', false],
      ['submodules', true],
      ['allRefs', true],
    ]);
    if (branch !== '') attributes.set('ref', branch === '.' ? ref : branch);
    const input = inputFromAttributes(attributes);
    await withTraceAsync({ text: `while fetching the input '${inputToUrl(input)}'` }, async () => {
      const location = locateRepository(input.attributes, context.warn);
      const commit = await findCommit(location, input.attributes, context);
      const inner = { folder: placeIn(folder, path), entries: await entriesOf(commit, undefined) };
      await writeEntries(commit.git, inner.folder, inner.entries);
      await writeSubmodules(commit, inner, context);
    });
  }
}

/** The contents of blobs by their hash. */
async function readObjects(git: GitOptions, objects: readonly string[]): Promise<Map<string, Buffer>> {
  const unique = [...new Set(objects)];
  const input = Buffer.from(unique.map(object => `${object}\n`).join(''));
  const output = unique.length === 0 ? Buffer.alloc(0) : await runGit(['cat-file', '--batch'], { ...git, input });
  const contents = new Map<string, Buffer>();
  let at = 0;
  for (const object of unique) {
    // `HASH blob SIZE`, a line feed, the contents, a line feed.
    const end = output.indexOf(10, at);
    const size = Number(byteStringOf(output.subarray(at, end)).split(' ')[2]);
    contents.set(object, output.subarray(end + 1, end + 1 + size));
    at = end + size + 2;
  }
  return contents;
}
