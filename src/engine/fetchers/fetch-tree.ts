import { lstatSync, readdirSync } from 'node:fs';
import { isAbsolute, join, normalize } from 'node:path';
import { byteStringFromText } from '../../base/index.ts';
import { EvalError, type FetchedTree, type InputAttributes, evalError, textAttribute } from '../../eval/index.ts';
import type { ExperimentalFeature } from '../../nix-compat/index.ts';
import type { DownloadOptions } from '../../store/index.ts';
import { downloadFile } from './download-file.ts';
import { fetchArchive } from './fetch-archive.ts';
import { fetchFromForge } from './fetch-from-forge.ts';
import { forges } from './forges.ts';
import { fetchGitRepository } from './git-repository.ts';
import type { GitOptions } from './run-git.ts';

/** What fetching depends on. */
export interface FetchContext {
  /** For what can be fetched again. */
  readonly cacheFolder: string;
  readonly signal?: AbortSignal | undefined;
  readonly download: DownloadOptions;
  /** Of git where it asks a repository elsewhere. */
  readonly git?: Pick<GitOptions, 'environment' | 'maxFileSize'>;
  /** A folder for temporary files, which is there as long as the evaluation goes on. */
  readonly downloads: () => string;
  /** How long what was fetched counts as new: seconds. */
  readonly lifetime: number;
  readonly warn: (message: string) => void;
  /** Throws unless a feature is enabled that an input takes. */
  readonly requireFeature: (feature: ExperimentalFeature) => void;
  /** Called with the folder of a work tree that is not as its commit is; may throw. */
  readonly onDirty: (folder: string) => void;
}

/** The tree of an input: a folder of this machine, a git repository, an archive or a file at a URL. Throws `eval/error`. */
export async function fetchTree(input: InputAttributes, url: string, context: FetchContext): Promise<FetchedTree> {
  const type = input.get('type');
  if (type === 'path') return fetchFolder(input, url);
  if (type === 'git') return fetchGitRepository(input, context);
  const forge = forges.get(String(type));
  if (forge !== undefined) return fetchFromForge(forge, { input, shown: url }, context);
  const at = textAttribute(input, 'url') ?? '';
  if (type === 'tarball') return fetchArchive(at, input, context);
  if (type === 'file') {
    const { path } = await downloadFile(at, context.downloads(), context.download);
    return { path, isTree: true, attributes: new Map(input) };
  }
  const instead = 'name a folder or a git repository in its place (--override-input, --override-flake, git+https://…)';
  throw evalError(["cannot fetch '", `': Firn does not fetch inputs of type '${String(type)}' yet: ${instead}`], url);
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
