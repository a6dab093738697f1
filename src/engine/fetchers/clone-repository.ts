import { type InputAttributes, evalError, textAttribute } from '../../eval/index.ts';
import { placeOf } from './fetch-from-forge.ts';
import { forges } from './forges.ts';
import { locateRepository, nameOfRepository } from './git-location.ts';
import { runGit } from './run-git.ts';

/** The git repository of an input that has one, at the same branch, tag or commit. */
export function repositoryOf(input: InputAttributes): InputAttributes | undefined {
  const type = textAttribute(input, 'type') ?? '';
  if (type === 'git') return input;
  const forge = forges.get(type);
  if (forge === undefined) return undefined;
  const repository: InputAttributes = new Map([
    ['type', 'git'],
    ['url', forge.repositoryUrl(placeOf(forge, input))],
  ]);
  for (const name of ['ref', 'rev']) {
    const value = input.get(name);
    if (value !== undefined) repository.set(name, value);
  }
  return repository;
}

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
