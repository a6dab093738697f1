import { lstatSync, readlinkSync } from 'node:fs';
import { type ByteString, brandAs, byteStringFromLatin1, displayBytes } from '../../base/index.ts';
import { NixCompatError, type StorePath, canonicalPath, splitStorePath } from '../../nix-compat/index.ts';
import { type Store, asInStore } from '../../store/index.ts';
import { CliError } from '../error.ts';
import { absolutePath, fsPathOf, quotePath } from '../paths.ts';

const maxLinks = 1024;

/**
 * The store path that `typed` is in, or that a chain of symlinks from it leads into: `./result`. Throws
 * `store-path/…`, and `input/symlink-cycle`.
 */
export function followLinksToStorePath(store: Store, typed: ByteString): StorePath {
  let path = absolutePath(typed);
  for (let links = 0; ; links++) {
    const inStore = asInStore(store, path);
    if (inStore !== undefined) return splitStorePath(store.storeDir, inStore).storePath;
    const target = readLink(path);
    if (target === undefined) {
      throw new NixCompatError('store-path/not-in-store', `path ${quotePath(path)} is not in the Nix store`);
    }
    if (links === maxLinks) {
      const message = `too many symbolic links encountered while resolving '${displayBytes(typed)}'`;
      throw new CliError('input/symlink-cycle', message);
    }
    const folder = path.slice(0, path.lastIndexOf('/'));
    path = byteStringFromLatin1(canonicalPath(target.startsWith('/') ? target : `${folder}/${target}`));
  }
}

function readLink(path: ByteString): ByteString | undefined {
  const isLink = lstatSync(fsPathOf(path), { throwIfNoEntry: false })?.isSymbolicLink() === true;
  return isLink ? brandAs<ByteString>(readlinkSync(fsPathOf(path), 'latin1')) : undefined;
}
