import type { Dirent, Stats } from 'node:fs';
import { posix } from 'node:path';
import {
  type ByteString,
  byteStringFromLatin1,
  byteStringFromText,
  bytesOf,
  errnoOf,
  textOf,
} from '../../../base/index.ts';
import { type FileSystem, type FsPath, displayFsPath, joinFsPath } from '../../../castore/index.ts';
import { NixCompatError, type StorePath, parseStorePath } from '../../../nix-compat/index.ts';
import type { StoreRoot } from '../../store.ts';

export interface LinkRootsOptions {
  /** Where store paths are said to be and where they are: a link may lead to either. */
  readonly storeDirs: readonly string[];
  readonly fileSystem: FileSystem;
  /** Whether a store path is valid; others are no roots. */
  readonly isValid: (path: StorePath) => boolean;
  /** Hears of what is passed over or removed: roots that are not valid, stale links, folders that cannot be read. */
  readonly notice: (text: string) => void;
}

/** Reasons for which a link or folder is no root, as opposed to a disk that fails, which must not lose any. */
const unreadable = new Set(['ENOENT', 'ENOTDIR', 'EACCES', 'EPERM', 'EROFS']);

/**
 * The roots below `folder`: links into the store directory; links to such links (indirect roots); plain files that bear
 * the name of a store path. Links in its subfolder `auto` whose target is gone are removed.
 */
export function findLinkRoots(folder: string, options: LinkRootsOptions): StoreRoot[] {
  const fs = options.fileSystem;
  const prefixes = options.storeDirs.map(dir => `${byteStringFromText(dir)}/`);
  const roots: StoreRoot[] = [];
  visitAny({ path: folder, parent: folder, isAuto: false }, undefined);
  return roots;

  function visitAny(place: Place, known: Dirent | undefined): void {
    try {
      const entry: Dirent | Stats = known ?? fs.lstatSync(place.path);
      if (entry.isDirectory()) visitFolder(place.path, place.isAuto);
      else if (entry.isSymbolicLink()) visitLink(place);
      else if (entry.isFile()) visitFile(place);
    } catch (error) {
      if (!unreadable.has(errnoOf(error) ?? '')) throw error;
      if (place.path === folder && errnoOf(error) === 'ENOENT') return;
      options.notice(`cannot read potential root "${displayFsPath(place.path)}"`);
    }
  }

  function visitFolder(parent: FsPath, isAuto: boolean): void {
    for (const entry of fs.readdirSync(parent, { encoding: 'latin1', withFileTypes: true })) {
      const path = joinFsPath(parent, byteStringFromLatin1(entry.name));
      visitAny({ path, parent, isAuto: isAuto || (parent === folder && entry.name === 'auto') }, entry);
    }
  }

  function visitLink({ path, parent, isAuto }: Place): void {
    const target = readLink(path);
    const name = nameInStore(target);
    if (name !== undefined) return addLink(path, target, name);
    const indirect = normalise(target.startsWith('/') ? fsPathOf(target) : joinFsPath(parent, target));
    const stats = fs.lstatSync(indirect, { throwIfNoEntry: false });
    if (stats?.isSymbolicLink() === true) {
      const second = readLink(indirect);
      const secondName = nameInStore(second);
      if (secondName !== undefined) addLink(indirect, second, secondName);
    } else if (stats === undefined && isAuto) {
      options.notice(`removing stale link from "${displayFsPath(path)}" to "${displayFsPath(indirect)}"`);
      removeStale(path, target, indirect);
    }
  }

  /** Somebody may make `indirect` and register it anew meanwhile: whatever the order, both links are there in the end. */
  function removeStale(link: FsPath, target: ByteString, indirect: FsPath): void {
    fs.rmSync(link, { force: true });
    if (fs.lstatSync(indirect, { throwIfNoEntry: false }) === undefined) return;
    try {
      fs.symlinkSync(bytesOf(target), link);
    } catch (error) {
      if (errnoOf(error) !== 'EEXIST') throw error;
    }
  }

  function visitFile({ path }: Place): void {
    const name = displayFsPath(path).replace(/^.*\//s, '');
    const storePath = unlessMalformed(() => parseStorePath(name));
    if (storePath !== undefined && options.isValid(storePath))
      roots.push({ path: storePath, holder: displayFsPath(path) });
  }

  function readLink(path: FsPath): ByteString {
    return byteStringFromLatin1(fs.readlinkSync(path, 'latin1'));
  }

  function nameInStore(target: ByteString): string | undefined {
    const prefix = prefixes.find(one => target.startsWith(one));
    return prefix === undefined ? undefined : target.slice(prefix.length).split('/', 1)[0];
  }

  function addLink(link: FsPath, target: ByteString, name: string): void {
    const path = unlessMalformed(() => parseStorePath(name));
    if (path === undefined) return;
    const holder = displayFsPath(link);
    if (options.isValid(path)) roots.push({ path, holder });
    else options.notice(`skipping invalid root from "${holder}" to "${textOf(target) ?? target}"`);
  }
}

interface Place {
  readonly path: FsPath;
  readonly parent: FsPath;
  /** Whether it is in the subfolder whose stale links are removed. */
  readonly isAuto: boolean;
}

function fsPathOf(bytes: ByteString): FsPath {
  return textOf(bytes) ?? bytesOf(bytes);
}

/** By its names alone, as C++ Nix does: what is shown is the path that a user would write. */
function normalise(path: FsPath): FsPath {
  return typeof path === 'string' ? posix.normalize(path) : path;
}

function unlessMalformed<T>(parse: () => T): T | undefined {
  try {
    return parse();
  } catch (error) {
    if (error instanceof NixCompatError) return undefined;
    throw error;
  }
}
