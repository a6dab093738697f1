import { existsSync } from 'node:fs';
import { EvalError, type InputAttributes, evalError } from '../../eval/index.ts';
import { FetcherCache } from './fetcher-cache.ts';
import type { FetchContext } from './fetch-tree.ts';
import { type GitOptions, askGit, runGit } from './run-git.ts';

/** The repository that has a work tree in a folder. Throws `eval/error` where there is none. */
export async function openWorkTree(folder: string, signal: AbortSignal | undefined): Promise<GitOptions> {
  if (!existsSync(folder)) throw evalError(['Git repository ', ' does not exist.'], `"${folder}"`);
  const git: GitOptions = { folder, signal };
  if ((await askGit(['rev-parse', '--git-dir'], git)) !== undefined) return git;
  throw evalError`Failed to fetch git repository '${`file://${folder}`}'`;
}

/** Commits are counted, which takes all that came before. Throws `eval/error` where a repository lacks that. */
export async function requireHistory(git: GitOptions, name: string, input: InputAttributes): Promise<void> {
  if (input.get('shallow') === true) return;
  if ((await askGit(['rev-parse', '--is-shallow-repository'], git)) !== 'true') return;
  const message = `'${name}' is a shallow Git repository, but shallow repositories are only allowed when \`shallow = true;\` is specified`;
  throw new EvalError('eval/error', message);
}

/**
 * How many commits there are up to one, unless a shallow tree will do, and when it was made, in seconds; both are
 * remembered.
 */
export async function describeCommit(
  git: GitOptions,
  rev: string,
  { isShallow, context }: { readonly isShallow: boolean; readonly context: FetchContext },
): Promise<{ readonly revCount: bigint | undefined; readonly lastModified: bigint }> {
  using cache = new FetcherCache(context.cacheFolder, context.download.reporter);
  const lastModified = await cache.recall('gitLastModified', rev, () => {
    return askNumber(['log', '-1', '--format=%ct', '--no-show-signature', rev], git);
  });
  const count = () => askNumber(['rev-list', '--count', rev], git);
  return { lastModified, revCount: isShallow ? undefined : await cache.recall('gitRevCount', rev, count) };
}

async function askNumber(args: readonly string[], git: GitOptions): Promise<bigint> {
  return BigInt((await runGit(args, git)).toString().trim());
}

/** The branch that a work tree or a bare repository is at; undefined for a commit on none. */
export function branchOf(git: GitOptions): Promise<string | undefined> {
  return askGit(['symbolic-ref', '-q', 'HEAD'], git);
}
