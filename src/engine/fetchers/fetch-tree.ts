import { lstatSync, readdirSync } from 'node:fs';
import { isAbsolute, join, normalize } from 'node:path';
import { fileURLToPath } from 'node:url';
import { byteStringFromText } from '../../base/index.ts';
import { EvalError, type FetchedTree, type InputAttributes, evalError } from '../../eval/index.ts';
import { fetchGitRepository } from './git-repository.ts';

/** What fetching depends on. */
export interface FetchContext {
  /** For what can be fetched again. */
  readonly cacheFolder: string;
  readonly signal?: AbortSignal | undefined;
  /** Called with the folder of a work tree that is not as its commit is; may throw. */
  readonly onDirty: (folder: string) => void;
}

/** The tree of an input of this machine: a folder, or a git repository. Throws `eval/error`. */
export async function fetchTree(input: InputAttributes, url: string, context: FetchContext): Promise<FetchedTree> {
  const type = input.get('type');
  if (type === 'path') return fetchFolder(input, url);
  const folder = type === 'git' ? localFolderOf(input) : undefined;
  if (folder !== undefined) return fetchGitRepository(folder, input, context);
  throw new EvalError('eval/error', `cannot fetch '${url}': Firn fetches from this machine alone yet`);
}

function fetchFolder(input: InputAttributes, url: string): FetchedTree {
  const given = String(input.get('path') ?? '');
  if (!isAbsolute(given)) {
    throw new EvalError('eval/error', `cannot fetch input '${url}' because it uses a relative path`);
  }
  const path = normalize(given).replace(/(?<=.)\/$/, '');
  const attributes: InputAttributes = new Map(input);
  if (!input.has('lastModified')) attributes.set('lastModified', BigInt(newestChange(path)));
  return { path: byteStringFromText(path), attributes };
}

/** When something in a tree was changed last, in seconds. */
function newestChange(path: string): number {
  const stats = lstatSync(path, { throwIfNoEntry: false });
  if (stats === undefined) throw evalError`path '${`/${path}`}' does not exist`;
  let newest = Math.floor(stats.mtimeMs / 1000);
  if (!stats.isDirectory()) return newest;
  for (const name of readdirSync(path)) newest = Math.max(newest, newestChange(join(path, name)));
  return newest;
}

/** The folder of a repository that is on this machine: a path, or a URL of scheme `file`. */
export function localFolderOf(input: InputAttributes): string | undefined {
  const url = String(input.get('url') ?? '');
  if (isAbsolute(url)) return normalize(url);
  return url.startsWith('file:') ? normalize(fileURLToPath(url)).replace(/(?<=.)\/$/, '') : undefined;
}
