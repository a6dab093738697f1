import { byteStringFromText } from '../../base/index.ts';
import type { FetchedTree, InputAttributes } from '../../eval/index.ts';
import type { FetchContext } from './fetch-tree.ts';
import { findCommit } from './find-commit.ts';
import type { GitLocation } from './git-location.ts';
import { unpackCommit } from './unpack-commit.ts';

/** The tree of a commit, as `findCommit` finds it. Throws `eval/error`. */
export async function fetchCommit(
  location: GitLocation,
  input: InputAttributes,
  context: FetchContext,
): Promise<FetchedTree> {
  const commit = await findCommit(location, input, context);
  const path = await unpackCommit(commit, input, context);
  return { path: byteStringFromText(path), attributes: commit.attributes };
}
