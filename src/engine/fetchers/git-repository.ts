import { type FetchedTree, type InputAttributes, evalError } from '../../eval/index.ts';
import type { FetchContext } from './fetch-tree.ts';
import { fetchCommit } from './fetch-commit.ts';
import { locateRepository } from './git-location.ts';
import { fetchWorkTree } from './git-work-tree.ts';
import { requireVerification } from './verify-commit.ts';

/**
 * The tree of a git repository: what is tracked of its work tree on this machine, as it is there, or a commit where one is
 * asked for or there is no work tree. Throws `eval/error`.
 */
export async function fetchGitRepository(input: InputAttributes, context: FetchContext): Promise<FetchedTree> {
  requireVerification(input, context);
  const location = locateRepository(input, context.warn);
  if (input.get('exportIgnore') === true && input.get('submodules') === true) {
    throw evalError`exportIgnore and submodules are not supported together yet`;
  }
  const namesCommit = input.has('ref') || input.has('rev');
  if (location.kind === 'remote' || namesCommit) return fetchCommit(location, input, context);
  return fetchWorkTree(location.folder, input, context);
}
