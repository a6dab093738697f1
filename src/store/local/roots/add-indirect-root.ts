import { createHash } from 'node:crypto';
import { basename, dirname, join } from 'node:path';
import { type FileSystem, makeFolder } from '../../../castore/index.ts';
import { type StorePath, encodeNix32 } from '../../../nix-compat/index.ts';
import { StoreError } from '../../error.ts';

export interface RootPlace {
  readonly fileSystem: FileSystem;
  /** Where `gcroots` is. */
  readonly stateDir: string;
  /** Where store paths are said to be and where they are. */
  readonly storeDirs: readonly string[];
  /** Where links lead to. */
  readonly linkedStoreDir: string;
}

/**
 * Makes the link at `link` (absolute, canonical) to `path`, in place of what may be there if that is a
 * link into a store, and registers it as a root. `path` is held by a temporary root. Throws `root/in-store` and
 * `root/exists`.
 */
export function addIndirectRoot(place: RootPlace, link: string, path: StorePath): void {
  const { fileSystem: fs, storeDirs } = place;
  if (storeDirs.some(dir => link.startsWith(`${dir}/`))) {
    const hint = '(are you running nix-build inside the store?)';
    const message = `creating a garbage collector root ("${link}") in the Nix store is forbidden ${hint}`;
    throw new StoreError('root/in-store', message);
  }
  const there = fs.lstatSync(link, { throwIfNoEntry: false });
  if (there !== undefined && !(there.isSymbolicLink() && leadsToStore(storeDirs, fs.readlinkSync(link)))) {
    throw new StoreError('root/exists', `cannot create symlink "${link}"; already exists`);
  }
  replaceLink(fs, link, join(place.linkedStoreDir, path));
  registerIndirectRoot(place, link);
}

/** Makes the link at `link` a root for as long as it leads into the store. */
export function registerIndirectRoot({ fileSystem, stateDir }: RootPlace, link: string): void {
  const hash = encodeNix32(createHash('sha1').update(link).digest());
  replaceLink(fileSystem, join(stateDir, 'gcroots', 'auto', hash), link);
}

/** Makes `link` lead to `target`, whatever was there, in one step. Makes the folders above it. */
export function replaceLink(fs: FileSystem, link: string, target: string): void {
  makeFolder(fs, dirname(link));
  const draft = join(dirname(link), `${basename(link)}.tmp-${process.pid}-${crypto.randomUUID().slice(0, 8)}`);
  fs.symlinkSync(target, draft);
  try {
    fs.renameSync(draft, link);
  } catch (error) {
    fs.rmSync(draft, { force: true });
    throw error;
  }
}

/**
 * Also into that of another data folder, whose objects are below it: who had `result` from there, be it as another user
 * or from a trial, is not to lose a build for it.
 */
function leadsToStore(storeDirs: readonly string[], target: string): boolean {
  const isObject = /^[0-9a-df-np-sv-z]{32}-/.test(basename(target));
  return storeDirs.some(dir => target.startsWith(`${dir}/`) || (isObject && dirname(target).endsWith(dir)));
}
