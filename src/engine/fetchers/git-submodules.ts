import { existsSync } from 'node:fs';
import { join, posix } from 'node:path';
import { type ByteString, brandAs, byteStringFromText, displayBytes } from '../../base/index.ts';
import { EvalError, evalError } from '../../eval/index.ts';
import { type GitOptions, askGit, runGit, splitAtZeros } from './run-git.ts';

/** What `.gitmodules` says of a repository within another. */
export interface Submodule {
  /** Where it is in the other's tree, without `.` and `..`. */
  readonly path: ByteString;
  /** As it is written: it may begin with `./` or `../`. */
  readonly url: string;
  /** Empty where none is named; `.` is the one that the other is at. */
  readonly branch: string;
}

const modulesFile = '.gitmodules';

/** The submodules that a commit names, whether or not its tree has them. */
export async function submodulesOfCommit(git: GitOptions, rev: string): Promise<Submodule[]> {
  const listed = await runGit(['ls-tree', '-z', '--full-tree', rev, '--', modulesFile], git);
  return listed.byteLength === 0 ? [] : parseSubmodules(git, ['--blob', `${rev}:${modulesFile}`]);
}

/** The submodules that a work tree names, as its files are now. */
export async function submodulesOfWorkTree(git: GitOptions): Promise<Submodule[]> {
  const path = join(git.folder, modulesFile);
  return existsSync(path) ? parseSubmodules(git, ['--file', path]) : [];
}

async function parseSubmodules(git: GitOptions, source: readonly string[]): Promise<Submodule[]> {
  const entries = new Map<string, ByteString>();
  for (const entry of splitAtZeros(await listConfig(git, source))) {
    const [, name = '', value = ''] = /^submodule\.(.*\.(?:path|url|branch))(?:\n(.*))?$/s.exec(entry) ?? [];
    // The first of several counts.
    if (name !== '' && !entries.has(name)) entries.set(name, brandAs<ByteString>(value));
  }
  return [...entries.keys()].toSorted().flatMap(key => {
    if (!key.endsWith('.path')) return [];
    const name = key.slice(0, -'.path'.length);
    const text = (field: string) => displayBytes(entries.get(`${name}.${field}`) ?? byteStringFromText(''));
    const path = posix.normalize(`/${entries.get(key) ?? ''}`).slice(1);
    return [{ path: brandAs<ByteString>(path.replace(/\/$/, '')), url: text('url'), branch: text('branch') }];
  });
}

async function listConfig(git: GitOptions, source: readonly string[]): Promise<Buffer> {
  try {
    return await runGit(['config', ...source, '--no-includes', '-z', '--list'], git);
  } catch (error) {
    if (!(error instanceof EvalError)) throw error;
    throw new EvalError('eval/error', `parsing .gitmodules file: ${error.message}`);
  }
}

/**
 * Where a submodule's repository is: URLs that begin with `./` or `../` start from where the other repository was cloned
 * from, else from its work tree.
 */
export async function resolveSubmoduleUrl(git: GitOptions, url: string): Promise<string> {
  if (/^\.\.?\//.test(url)) {
    const base = await baseOfUrls(git);
    const resolved = base === undefined ? undefined : applyRelative(base, url);
    if (resolved !== undefined) return resolved;
  } else if (url.startsWith('/') || url.includes(':')) return url;
  throw evalError`resolving Git submodule URL '${url}'`;
}

/** The URL of the remote that the current branch follows, else of `origin`. */
async function baseOfUrls(git: GitOptions): Promise<string | undefined> {
  const branch = await askGit(['symbolic-ref', '-q', '--short', 'HEAD'], git);
  const followed = branch === undefined ? undefined : await askGit(['config', `branch.${branch}.remote`], git);
  for (const remote of [followed, 'origin']) {
    const url = remote === undefined ? undefined : await askGit(['remote', 'get-url', '--', remote], git);
    if (url !== undefined) return url;
  }
  return askGit(['rev-parse', '--show-toplevel'], git);
}

/** Undefined where there are more `..` than there is to leave. */
function applyRelative(base: string, relative: string): string | undefined {
  const root = /^(?:\/|[A-Za-z]+:\/\/\/?)/.exec(base)?.[0] ?? '';
  const segments: string[] = [];
  for (const segment of `${base.slice(root.length)}/${relative}`.split('/')) {
    if (segment === '' || segment === '.') continue;
    if (segment !== '..') segments.push(segment);
    else if (segments.length > 0 && segments.at(-1) !== '..') segments.pop();
    else if (root === '') segments.push(segment);
    else return undefined;
  }
  return root + segments.join('/');
}
