import { existsSync, lstatSync, readlinkSync } from 'node:fs';
import { basename, dirname, join, resolve as resolvePath } from 'node:path';
import { type Reporter, byteStringFromText, errnoOf, systemErrorText } from '../../base/index.ts';
import {
  type FlakePath,
  type FlakeRef,
  type FlakeRefWithFragment,
  BadUrl,
  evalError,
  flakeRefFromPath,
  parseFlakeUrl,
  splitFlakePath,
  withoutFragment,
} from '../../eval/index.ts';

/** How what is typed becomes a reference. */
export interface FindFlakeOptions {
  /** Where relative paths start. */
  readonly baseFolder: string;
  readonly reporter: Reporter;
  /** Whether a folder without `flake.nix` is taken, as it is: none is looked for above it. */
  readonly allowsMissing?: boolean;
}

/** As `findFlakeWithFragment`, of a text that has none. */
export function findFlake(text: string, options: FindFlakeOptions): FlakeRef {
  return withoutFragment(text, findFlakeWithFragment(text, options));
}

/**
 * The flake that a command line means: a name, a URL, or a path, from which `flake.nix` is looked for upwards, as far as the
 * folder where a git repository begins. That is what is fetched then, with the flake in a folder of it. Throws `eval/error`.
 */
export function findFlakeWithFragment(text: string, options: FindFlakeOptions): FlakeRefWithFragment {
  const { baseFolder, reporter } = options;
  const reportDubious = (parameter: string) =>
    reporter.warn(`dubious URI query '${parameter}' is missing equal sign '=', ignoring`);
  const resolve = (path: string) => resolvePath(baseFolder, path);
  return (
    parseFlakeUrl(text, { resolve, reportDubious }) ?? fromPath(text, splitFlakePath(text, reportDubious), options)
  );
}

function fromPath(text: string, parts: FlakePath, options: FindFlakeOptions): FlakeRefWithFragment {
  const folder = findFolder(withoutLinks(resolvePath(options.baseFolder, parts.path)), options);
  const query = new Map(parts.query);
  for (let root = folder, within = ''; root !== '/'; root = dirname(root)) {
    if (existsSync(join(root, '.git'))) {
      const dir = byteStringFromText('dir');
      if (within !== '') {
        if (query.has(dir)) throw evalError`flake URL '${text}' has an inconsistent 'dir' parameter`;
        query.set(dir, byteStringFromText(within));
      }
      if (existsSync(join(root, '.git', 'shallow'))) query.set(byteStringFromText('shallow'), byteStringFromText('1'));
      return flakeRefFromPath('git+file', { ...parts, query, path: root });
    }
    within = within === '' ? basename(root) : `${basename(root)}/${within}`;
  }
  return flakeRefFromPath('path', { ...parts, path: folder });
}

/** The folder of `flake.nix`: `path`, or one above it on the same file system and in the same repository. */
function findFolder(path: string, { reporter, allowsMissing = false }: FindFlakeOptions): string {
  let folder = path;
  if (!lstat(folder).isDirectory()) {
    if (basename(folder) !== 'flake.nix') throw badPath(folder, "(because it's not a directory)");
    const parent = dirname(folder);
    reporter.warn(
      `Path "${folder}" should point at the directory containing the 'flake.nix' file, not the file itself. Pretending that you meant "${parent}"`,
    );
    folder = parent;
  }
  if (allowsMissing || hasFlake(folder)) return folder;
  reporter.log('notice', `path "${folder}" does not contain a 'flake.nix', searching up`);
  const { dev } = lstat(folder);
  for (; folder !== '/'; folder = dirname(folder)) {
    if (hasFlake(folder)) return folder;
    if (existsSync(join(folder, '.git'))) {
      const reason = "(neither it nor its parent directories contain a 'flake.nix' file)";
      throw evalError([`path "${folder}" is not part of a flake ${reason}`]);
    }
    if (lstat(folder).dev !== dev) {
      throw evalError([`unable to find a flake before encountering filesystem boundary at "${folder}"`]);
    }
  }
  throw new BadUrl('eval/error', 'could not find a flake.nix file');
}

function badPath(path: string, reason: string): BadUrl {
  return new BadUrl('eval/error', `path "${path}" is not a flake ${reason}`);
}

function hasFlake(folder: string): boolean {
  return existsSync(join(folder, 'flake.nix'));
}

function lstat(path: string) {
  try {
    return lstatSync(path);
  } catch (error) {
    if (errnoOf(error) === undefined) throw error;
    throw evalError([`getting status of "${path}": ${systemErrorText(error)}`]);
  }
}

const maxLinks = 1024;

/** An absolute path with what symlinks in it lead to; what is not there stays as it is. */
function withoutLinks(path: string): string {
  let rest = path.split('/').filter(part => part !== '');
  let done = '/';
  for (let links = 0; ;) {
    const part = rest.shift();
    if (part === undefined) return done;
    const next = join(done, part);
    const isLink = lstatSync(next, { throwIfNoEntry: false })?.isSymbolicLink() === true;
    if (!isLink) {
      done = next;
      continue;
    }
    if (++links > maxLinks) throw evalError`infinite symlink recursion in path '${path}'`;
    const target = resolvePath(done, readlinkSync(next));
    rest = target
      .split('/')
      .filter(each => each !== '')
      .concat(rest);
    done = '/';
  }
}
