import { existsSync, mkdirSync, mkdtempSync, renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type ByteString, brandAs, byteStringFromText, byteStringOf, displayBytes } from '../../base/index.ts';
import { EvalError, type FetchedTree, type InputAttributes } from '../../eval/index.ts';
import { dirtyFingerprint } from './dirty-fingerprint.ts';
import { withFolders, withoutExportIgnored } from './export-ignored.ts';
import type { FetchContext } from './fetch-tree.ts';
import { updateClone } from './git-clone.ts';
import { type GitOptions, askGit, runGit, splitAtZeros } from './run-git.ts';

/**
 * The tree of a git repository of this machine: what is tracked of its work tree, as it is there, or a commit where one is
 * asked for or the repository has no work tree.
 */
export async function fetchGitRepository(
  folder: string,
  input: InputAttributes,
  context: FetchContext,
): Promise<FetchedTree> {
  const { signal } = context;
  const git: GitOptions = { folder, signal };
  await requireRepository(git);
  const isBare = (await askGit(['rev-parse', '--is-bare-repository'], git)) === 'true';
  if (input.has('ref') || input.has('rev') || isBare) return fetchCommit(git, input, context);
  return fetchWorkTree(git, input, context);
}

/** The tree of a commit of a git repository elsewhere. Throws `eval/error`. */
export async function fetchRemoteRepository(
  url: string,
  input: InputAttributes,
  context: FetchContext,
): Promise<FetchedTree> {
  const { git, ref } = await updateClone(url, input, context);
  return fetchCommit(git, new Map(input).set('ref', ref), context);
}

/** A repository begins in the folder itself, not in one above. */
async function requireRepository(git: GitOptions): Promise<void> {
  const { folder } = git;
  const isHere = existsSync(join(folder, '.git')) || existsSync(join(folder, 'HEAD'));
  if (isHere && (await askGit(['rev-parse', '--git-dir'], git)) !== undefined) return;
  throw new EvalError('eval/error', `Failed to fetch git repository 'file://${folder}'`);
}

async function fetchWorkTree(git: GitOptions, input: InputAttributes, context: FetchContext): Promise<FetchedTree> {
  const { folder } = git;
  const found = await trackedFiles(git, input);
  const attributes: InputAttributes = new Map(input);
  const head = await askGit(['rev-parse', '--verify', '-q', 'HEAD^{commit}'], git);
  if (!found.isDirty) {
    const rev = head ?? '0'.repeat(40);
    const ref = await askGit(['symbolic-ref', '-q', 'HEAD'], git);
    if (ref !== undefined) attributes.set('ref', ref);
    attributes.set('rev', rev);
    if (input.get('shallow') !== true) {
      await requireHistory(git);
      attributes.set('revCount', head === undefined ? 0n : await countOf(git, rev));
    }
  } else {
    context.onDirty(folder);
    if (head !== undefined) {
      attributes.set('dirtyRev', `${head}-dirty`).set('dirtyShortRev', `${head.slice(0, 7)}-dirty`);
    }
  }
  attributes.set('lastModified', head === undefined ? 0n : await timeOf(git, head));
  const fingerprint = found.isDirty ? () => fingerprintOf(git, head) : undefined;
  return { path: byteStringFromText(folder), entries: withFolders(found.files), attributes, fingerprint };
}

async function fingerprintOf(git: GitOptions, head: string | undefined): Promise<string> {
  return `${head ?? '0'.repeat(40)};d=${await dirtyFingerprint(git)}`;
}

interface Tracked {
  readonly files: readonly ByteString[];
  /** Whether something differs from the commit. */
  readonly isDirty: boolean;
}

/** What is tracked and there, with that of submodules if they are asked for. */
async function trackedFiles(git: GitOptions, input: InputAttributes): Promise<Tracked> {
  const entries = splitAtZeros(await runGit(['ls-files', '-s', '-z'], git)).map(line => {
    const tab = line.indexOf('\t');
    return { isModule: line.startsWith('160000 '), path: brandAs<ByteString>(line.slice(tab + 1)) };
  });
  const deleted = new Set(splitAtZeros(await runGit(['ls-files', '-d', '-z'], git)));
  const status = await runGit(['status', '--porcelain=v1', '-z', '-uno', '--ignore-submodules=all'], git);
  let isDirty = status.byteLength > 0;
  const plain = new Set(
    entries.filter(({ isModule, path }) => !isModule && !deleted.has(path)).map(({ path }) => path),
  );
  const files = input.get('exportIgnore') === true ? await withoutExportIgnored([...plain], git) : [...plain];
  if (input.get('submodules') !== true) return { files, isDirty };
  for (const { isModule, path } of entries) {
    const inner = join(git.folder, displayBytes(path));
    if (!isModule || !existsSync(join(inner, '.git'))) continue;
    const found = await trackedFiles({ ...git, folder: inner }, input);
    isDirty ||= found.isDirty;
    files.push(...found.files.map(file => brandAs<ByteString>(`${path}/${file}`)));
  }
  return { files, isDirty };
}

async function fetchCommit(git: GitOptions, input: InputAttributes, context: FetchContext): Promise<FetchedTree> {
  const { folder } = git;
  if (input.get('submodules') === true) {
    throw new EvalError('eval/error', `cannot fetch submodules of a commit of '${folder}' yet: fetch its work tree`);
  }
  const ref = input.get('ref');
  const name = typeof ref === 'string' ? ref : ((await askGit(['symbolic-ref', '-q', 'HEAD'], git)) ?? 'HEAD');
  const given = input.get('rev');
  const rev = typeof given === 'string' ? given : await resolveRef(git, name);
  if ((await askGit(['cat-file', '-e', `${rev}^{commit}`], git)) === undefined) {
    const reason = `object not found - no match for id (${rev}) (libgit2 error code = 9)`;
    throw new EvalError('eval/error', `getting Git object '${rev}': ${reason}`);
  }
  if (input.get('shallow') !== true) await requireHistory(git);
  const attributes: InputAttributes = new Map(input).set('ref', name).set('rev', rev);
  attributes.set('lastModified', await timeOf(git, rev));
  if (input.get('shallow') !== true) attributes.set('revCount', await countOf(git, rev));
  const path = await unpackCommit(git, rev, { context, exportIgnore: input.get('exportIgnore') === true });
  return { path: byteStringFromText(path), attributes };
}

/** Commits are counted, which takes all that came before. */
async function requireHistory(git: GitOptions): Promise<void> {
  if ((await askGit(['rev-parse', '--is-shallow-repository'], git)) !== 'true') return;
  const message = `'${git.folder}' is a shallow Git repository, but shallow repositories are only allowed when \`shallow = true;\` is specified`;
  throw new EvalError('eval/error', message);
}

async function resolveRef(git: GitOptions, ref: string): Promise<string> {
  for (const candidate of [ref, `refs/${ref}`, `refs/tags/${ref}`, `refs/heads/${ref}`, `refs/remotes/${ref}`]) {
    const rev = await askGit(['rev-parse', '--verify', '-q', `${candidate}^{commit}`], git);
    if (rev !== undefined) return rev;
  }
  throw new EvalError(
    'eval/error',
    `resolving Git reference '${ref}': revspec '${ref}' not found (libgit2 error code = 4)`,
  );
}

async function countOf(git: GitOptions, rev: string): Promise<bigint> {
  return BigInt((await runGit(['rev-list', '--count', rev], git)).toString().trim());
}

/** When a commit was made, in seconds. */
async function timeOf(git: GitOptions, rev: string): Promise<bigint> {
  return BigInt((await runGit(['log', '-1', '--format=%ct', '--no-show-signature', rev], git)).toString().trim());
}

/**
 * A folder of the cache with the files of a commit, as git has them: no filter or attribute changes their contents. It is
 * renamed into place when it is complete.
 */
async function unpackCommit(
  git: GitOptions,
  rev: string,
  { context, exportIgnore }: { readonly context: FetchContext; readonly exportIgnore: boolean },
): Promise<string> {
  const tree = (await runGit(['rev-parse', `${rev}^{tree}`], git)).toString().trim();
  const cache = join(context.cacheFolder, 'git-trees-v1');
  const target = join(cache, exportIgnore ? `${tree}-export` : tree);
  if (existsSync(target)) return target;
  mkdirSync(cache, { recursive: true });
  const staging = mkdtempSync(join(cache, 'new-'));
  try {
    // Attributes are read from an index, which is that of the commit then.
    const own: GitOptions = { ...git, environment: { GIT_INDEX_FILE: join(staging, 'index') } };
    await runGit(['read-tree', rev], own);
    const entries = new Map<ByteString, { readonly mode: string; readonly object: string }>();
    for (const line of splitAtZeros(await runGit(['ls-files', '-s', '-z'], own))) {
      const [mode = '', object = ''] = line.split(' ', 2);
      entries.set(brandAs<ByteString>(line.slice(line.indexOf('\t') + 1)), { mode, object });
    }
    const all = [...entries.keys()];
    const files = exportIgnore ? await withoutExportIgnored(all, own, ['--cached']) : all;
    const folder = join(staging, 'tree');
    mkdirSync(folder);
    const wanted = files.flatMap(path => {
      const entry = entries.get(path);
      return entry === undefined ? [] : [{ path, ...entry }];
    });
    const contents = await readObjects(
      git,
      wanted.filter(({ mode }) => mode !== '160000').map(({ object }) => object),
    );
    for (const { path, mode, object } of wanted) writeEntry(placeIn(folder, path), mode, contents.get(object));
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

function placeIn(folder: string, path: string): Buffer {
  return Buffer.concat([Buffer.from(`${folder}/`), Buffer.from(path, 'latin1')]);
}

function writeEntry(place: Buffer, mode: string, contents: Buffer | undefined): void {
  mkdirSync(place.subarray(0, place.lastIndexOf('/')), { recursive: true });
  // A submodule is an empty folder.
  if (contents === undefined) mkdirSync(place);
  else if (mode === '120000') symlinkSync(contents, place);
  else writeFileSync(place, contents, { mode: mode === '100755' ? 0o755 : 0o644 });
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
