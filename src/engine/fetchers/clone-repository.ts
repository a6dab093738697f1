import { type InputAttributes, evalError, textAttribute } from '../../eval/index.ts';
import { locateRepository, nameOfRepository } from './git-location.ts';
import { runGit } from './run-git.ts';

/** Clones a git repository to a new folder, at the branch or tag that the input names. Throws what git says. */
export async function cloneRepository(
  input: InputAttributes,
  folder: string,
  signal: AbortSignal | undefined,
): Promise<void> {
  if (input.has('rev')) throw evalError`cloning a specific revision is not implemented`;
  const from = nameOfRepository(locateRepository(input, () => undefined));
  const ref = textAttribute(input, 'ref');
  const branch = ref === undefined ? [] : ['--branch', ref];
  await runGit(['clone', ...branch, '--', from, folder], { folder: '/', signal });
}
