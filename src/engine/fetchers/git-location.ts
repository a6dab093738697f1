import { existsSync } from 'node:fs';
import { isAbsolute, join, resolve } from 'node:path';
import { byteStringFromText, displayBytes } from '../../base/index.ts';
import { type InputAttributes, formatUrl, textAttribute } from '../../eval/index.ts';
import { parseUrl } from '../../nix-compat/index.ts';

/** Where a git repository is: in a folder that has a work tree of it, or where git fetches from. */
export type GitLocation =
  | { readonly kind: 'work-tree'; readonly folder: string }
  | { readonly kind: 'remote'; readonly url: string };

/**
 * Where the repository of an input is. One of this machine without a work tree is fetched from like others. Throws
 * `url/malformed`.
 */
export function locateRepository(input: InputAttributes, warn: (message: string) => void): GitLocation {
  const url = parseUrl(byteStringFromText(textAttribute(input, 'url') ?? ''));
  const isFile = url.scheme === 'file';
  const path = url.path.map(segment => displayBytes(segment)).join('/');
  const isBare = existsSync(path) && !existsSync(join(path, '.git'));
  if (isFile && !isBare && !forcesClones()) {
    if (!isAbsolute(path)) {
      warn(
        `Fetching Git repository '${formatUrl(url)}', which uses a path relative to the current directory. ` +
          'This is not supported and will stop working in a future release. ' +
          'See https://github.com/NixOS/nix/issues/12281 for details.',
      );
    }
    return { kind: 'work-tree', folder: resolve(path) };
  }
  // Git takes a query for a part of a file's name; old lock files have the folder of a flake in it.
  const query = new Map(isFile ? [] : [...url.query].filter(([name]) => displayBytes(name) !== 'dir'));
  return { kind: 'remote', url: formatUrl({ ...url, query }) };
}

/** What git, and messages, call a repository. */
export function nameOfRepository(location: GitLocation): string {
  return location.kind === 'work-tree' ? location.folder : location.url;
}

/** For tests, as in C++ Nix: repositories of this machine are treated like others. */
function forcesClones(): boolean {
  return process.env['_NIX_FORCE_HTTP'] === '1';
}
