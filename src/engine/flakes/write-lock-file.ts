import { existsSync, writeFileSync } from 'node:fs';
import { isAbsolute, join, normalize } from 'node:path';
import type { Reporter } from '../../base/index.ts';
import { type FlakeRef, type Input, textAttribute } from '../../eval/index.ts';
import { locateRepository } from '../fetchers/git-location.ts';
import { askGit, runGit } from '../fetchers/run-git.ts';
import type { FlakeSettings } from './lock-flake.ts';

/** The folder that an input is and that can be written to: of this machine, and no bare repository. */
export function sourceFolderOf(input: Input): string | undefined {
  const { attributes } = input;
  if (attributes.get('type') === 'path') {
    const path = textAttribute(attributes, 'path') ?? '';
    return isAbsolute(path) ? normalize(path) : undefined;
  }
  if (attributes.get('type') !== 'git') return undefined;
  const location = locateRepository(attributes, () => undefined);
  return location.kind === 'work-tree' && existsSync(join(location.folder, '.git')) ? location.folder : undefined;
}

export interface WriteLockFileRequest {
  readonly reference: FlakeRef;
  /** That the reference is of. */
  readonly folder: string;
  readonly text: string;
  /** What the text changes, with terminal escapes. */
  readonly difference: string;
  /** Whether the change is committed. */
  readonly commits: boolean;
}

export interface LockFileWriting {
  readonly settings: FlakeSettings;
  readonly reporter: Reporter;
  readonly signal?: AbortSignal | undefined;
}

/** Writes the lock file of a flake, and lets git know of it. Throws what git says, and the system's errors. */
export async function writeLockFile(writing: LockFileWriting, request: WriteLockFileRequest): Promise<void> {
  const { reporter, signal } = writing;
  const { reference, folder, text, difference, commits } = request;
  const name = reference.folder === '' ? 'flake.lock' : `${reference.folder}/flake.lock`;
  const path = join(folder, name);
  const isNew = !existsSync(path);
  const lines = difference.trimEnd();
  if (isNew) reporter.warn(`creating lock file "${path}": \n${lines}`);
  else reporter.warn(lines === '' ? `updating lock file "${path}"` : `updating lock file "${path}":\n${lines}`);
  writeFileSync(path, text);
  if (reference.input.attributes.get('type') !== 'git') return;
  const git = { folder, signal };
  // What is ignored stays so.
  if ((await askGit(['check-ignore', '--quiet', name], git)) !== undefined) return;
  await runGit(['add', '--intent-to-add', '--', name], git);
  if (!commits) return;
  const { commitSummary } = writing.settings;
  const summary = commitSummary === '' ? `${name}: ${isNew ? 'Add' : 'Update'}` : commitSummary;
  const message = `${summary}\n\nFlake lock file updates:\n\n${withoutEscapes(difference)}`;
  await runGit(['commit', name, '-F', '-'], { ...git, input: Buffer.from(message) });
}

function withoutEscapes(text: string): string {
  // oxlint-disable-next-line no-control-regex -- what terminals take for colours
  return text.replaceAll(/\u001B\[[0-9;]*m/g, '');
}
