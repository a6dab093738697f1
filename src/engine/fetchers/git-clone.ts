import { existsSync, mkdirSync, statSync, utimesSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { byteStringFromText, bytesOf, messageOf } from '../../base/index.ts';
import { EvalError, type InputAttributes, evalError, textAttribute } from '../../eval/index.ts';
import { formatHash, hashBytes } from '../../nix-compat/index.ts';
import { lockPath } from '../../store/index.ts';
import type { FetchContext } from './fetch-tree.ts';
import { type GitOptions, askGit, runGit } from './run-git.ts';

/** What a clone has of a repository elsewhere. */
export interface UpdatedClone {
  /** The bare repository, in the cache; C++ Nix has it in the same place. */
  readonly git: GitOptions;
  /** The branch or tag that was asked for, or is the repository's own. */
  readonly ref: string;
  readonly rev: string | undefined;
}

/** A name for the branch of new repositories that nobody uses. */
const unusedBranch = '__nix_dummy_branch';

/**
 * The clone of a repository elsewhere, with what `input` asks for: fetched if it is not there, or a branch of longer ago
 * than `lifetime`. Where the repository cannot be reached, what there is of a branch does. Throws `eval/error`.
 */
export async function updateClone(url: string, input: InputAttributes, context: FetchContext): Promise<UpdatedClone> {
  const isShallow = input.get('shallow') === true;
  const key = formatHash(hashBytes('sha256', bytesOf(byteStringFromText(url))), 'nix32');
  const folder = join(context.cacheFolder, 'gitv3', isShallow ? `${key}-shallow` : key);
  mkdirSync(dirname(folder), { recursive: true });
  const { signal } = context;
  // Others fetch into it, too.
  using _lock = await lockPath(folder, signal);
  const git: GitOptions = { ...context.git, folder, signal };
  const place: Remote = { url, git, context };
  if (!existsSync(join(folder, 'HEAD'))) {
    mkdirSync(folder, { recursive: true });
    await runGit(['-c', `init.defaultBranch=${unusedBranch}`, 'init', '--quiet', '--bare'], git);
    await runGit(['config', 'remote.origin.url', url], git);
  }
  const given = textAttribute(input, 'ref');
  const rev = textAttribute(input, 'rev');
  const ref = given ?? (await defaultRefOf(place));
  const refFile = join(folder, ref.startsWith('refs/') ? ref : `refs/heads/${ref}`);
  const allRefs = input.get('allRefs') === true;
  const isThere = rev === undefined ? !allRefs && isNew(refFile, context) : await hasCommit(git, rev);
  if (!isThere) {
    const spec = allRefs ? 'refs/*:refs/*' : (rev ?? refspecOf(ref));
    await update(place, { spec, isShallow, refFile });
    if (rev === undefined && existsSync(refFile)) utimesSync(refFile, new Date(), new Date());
    if (given === undefined) await askGit(['symbolic-ref', '--', 'HEAD', ref], git);
  }
  if (rev !== undefined && !(await hasCommit(git, rev))) {
    const advice = `Please make sure that the rev exists on the ref you've specified or add allRefs = true; to fetchGit.`;
    throw evalError(["Cannot find Git revision '", "' in ref '", "' of repository '", `'! ${advice}`], rev, ref, url);
  }
  return { git, ref, rev };
}

interface Remote {
  readonly url: string;
  readonly git: GitOptions;
  readonly context: FetchContext;
}

interface Update {
  readonly spec: string;
  readonly isShallow: boolean;
  readonly refFile: string;
}

async function update({ url, git, context }: Remote, { spec, isShallow, refFile }: Update): Promise<void> {
  try {
    const depth = isShallow ? ['--depth', '1'] : [];
    await runGit(['--git-dir', '.', 'fetch', '--quiet', '--force', ...depth, '--', url, spec], git);
  } catch (error) {
    if (!(error instanceof EvalError)) throw error;
    context.warn(messageOf(error));
    if (!existsSync(refFile)) throw evalError`Failed to fetch git repository '${url}'`;
    context.warn(`could not update local clone of Git repository '${url}'; continuing with the most recent version`);
  }
}

function refspecOf(ref: string): string {
  if (ref.startsWith('refs/') || ref === 'HEAD') return `${ref}:${ref}`;
  return `refs/heads/${ref}:refs/heads/${ref}`;
}

/** The branch that a repository has for itself; asked for anew when that was long ago. */
async function defaultRefOf({ url, git, context }: Remote): Promise<string> {
  const known = await askGit(['symbolic-ref', '-q', 'HEAD'], git);
  const isKnown = known !== undefined && known !== `refs/heads/${unusedBranch}`;
  if (isKnown && isNew(join(git.folder, 'HEAD'), context)) return known;
  const listed = await askGit(['ls-remote', '--symref', '--', url, 'HEAD'], git);
  const found = /^ref: (\S+)\tHEAD$/m.exec(listed ?? '')?.[1] ?? /^(\S+)\tHEAD$/m.exec(listed ?? '')?.[1];
  if (found !== undefined) return found;
  if (isKnown) {
    context.warn(`could not get HEAD ref for repository '${url}'; using expired cached ref '${known}'`);
    return known;
  }
  context.warn(`could not read HEAD ref from repo at '${url}', using 'master'`);
  return 'master';
}

function isNew(path: string, { lifetime }: FetchContext): boolean {
  const stats = statSync(path, { throwIfNoEntry: false });
  return stats !== undefined && stats.mtimeMs + lifetime * 1000 > Date.now();
}

async function hasCommit(git: GitOptions, rev: string): Promise<boolean> {
  return (await askGit(['cat-file', '-e', `${rev}^{commit}`], git)) !== undefined;
}
