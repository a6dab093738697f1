import { realpathSync } from 'node:fs';
import { type ByteString, brandAs, byteStringFromLatin1, systemErrorText } from '../base/index.ts';
import { walkTree } from '../castore/index.ts';
import type { TreeSource } from '../store/index.ts';
import { CliError } from './error.ts';
import { absolutePath, fsPathOf, quotePath } from './paths.ts';

/** A file tree that the user named and that goes into a store. */
export interface SourceTree {
  /** The last component of what the user typed. */
  readonly name: string;
  readonly source: TreeSource;
}

/** Throws `input/failed` where the folder that it is in is not there. */
export function sourceTree(typed: ByteString): SourceTree {
  const path = withCanonicalParent(typed);
  const name = typed.replace(/\/+$/, '');
  return {
    name: name.slice(name.lastIndexOf('/') + 1),
    source: async (sink, drain, signal) => {
      for (const _ of walkTree(fsPathOf(path), sink)) {
        signal?.throwIfAborted();
        await drain();
      }
    },
  };
}

/** The absolute path with symlinks followed in all but its last component. */
export function withCanonicalParent(typed: ByteString): ByteString {
  const path = absolutePath(typed);
  const slash = path.lastIndexOf('/');
  if (path === '/') return path;
  try {
    const parent = realpathSync(fsPathOf(brandAs<ByteString>(path.slice(0, slash) || '/')), 'latin1');
    return byteStringFromLatin1(`${parent === '/' ? '' : parent}${path.slice(slash)}`);
  } catch (cause) {
    const message = `canonicalising parent path of ${quotePath(path)}: ${systemErrorText(cause)}`;
    throw new CliError('input/failed', message, { cause });
  }
}
