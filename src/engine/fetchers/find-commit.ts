import { EvalError, type InputAttributes, textAttribute } from '../../eval/index.ts';
import type { FetchContext } from './fetch-tree.ts';
import { updateClone } from './git-clone.ts';
import { type GitLocation, nameOfRepository } from './git-location.ts';
import { branchOf, describeCommit, openWorkTree, requireHistory } from './git-queries.ts';
import { type GitOptions, askGit } from './run-git.ts';
import { verifyCommit } from './verify-commit.ts';

/** A commit of a repository that is on this machine. */
export interface GitCommit {
  readonly git: GitOptions;
  /** The branch or tag that was asked for, or that the repository is at. */
  readonly ref: string;
  readonly rev: string;
  /** Those of the input, with what is known of the commit. */
  readonly attributes: InputAttributes;
}

/**
 * Has a commit be here, of a work tree's repository or in a clone: the one that the input names, or its branch's, or the
 * repository's own. It is verified where that is asked for. Throws `eval/error`.
 */
export async function findCommit(
  location: GitLocation,
  input: InputAttributes,
  context: FetchContext,
): Promise<GitCommit> {
  const { git, ref } = await openRepository(location, input, context);
  const rev = textAttribute(input, 'rev') ?? (await resolveRef(git, ref));
  const name = nameOfRepository(location);
  await requireHistory(git, name, input);
  if ((await askGit(['cat-file', '-e', `${rev}^{commit}`], git)) === undefined) {
    const reason = `object not found - no match for id (${rev}) (libgit2 error code = 9)`;
    throw new EvalError('eval/error', `getting Git object '${rev}': ${reason}`);
  }
  const attributes: InputAttributes = new Map(input).set('ref', ref).set('rev', rev);
  const { lastModified, revCount } = await describeCommit(git, rev, {
    isShallow: input.get('shallow') === true,
    context,
  });
  attributes.set('lastModified', lastModified);
  if (revCount !== undefined) attributes.set('revCount', revCount);
  context.download.reporter.log('talkative', () => `using revision ${rev} of repo '${name}'`);
  await verifyCommit(git, attributes, context);
  return { git, ref, rev, attributes };
}

async function openRepository(
  location: GitLocation,
  input: InputAttributes,
  context: FetchContext,
): Promise<Pick<GitCommit, 'git' | 'ref'>> {
  if (location.kind === 'remote') return updateClone(location.url, input, context);
  const { folder } = location;
  const git = await openWorkTree(folder, context.signal);
  const ref = textAttribute(input, 'ref') ?? (await branchOf(git));
  if (ref === undefined) context.warn(`could not read HEAD ref from repo at '${folder}', using 'master'`);
  return { git, ref: ref ?? 'master' };
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
