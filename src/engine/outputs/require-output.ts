import { type Stats, lstatSync } from 'node:fs';
import { displayBytes, emphasise } from '../../base/index.ts';
import { type FsPath, displayFsPath } from '../../castore/index.ts';
import type { OutputName } from '../../nix-compat/index.ts';
import { rejection, shownFile } from './rejection.ts';

/** Users that only run builders, by number. */
export interface BuildUsers {
  /** The one that the builder began as. */
  readonly first: number;
  readonly last: number;
}

export interface RequireOutputOptions {
  readonly at: string;
  readonly output: OutputName;
  /** The derivation, as messages show it. */
  readonly shown: string;
  readonly users: BuildUsers | undefined;
}

/** What is there of an output. Refuses what is missing, and what others than the builder may have written to. */
export function requireOutput({ at, output, shown, users }: RequireOutputOptions): Stats {
  const stats = lstatSync(at, { throwIfNoEntry: false });
  const name = emphasise(displayBytes(output));
  if (stats === undefined)
    throw rejection(`builder for '${shown}' failed to produce output path for output '${name}' at ${shownFile(at)}`);
  const isWritable = !stats.isSymbolicLink() && (stats.mode & 0o022) !== 0;
  if (isWritable || (users !== undefined && stats.uid !== users.first)) {
    const message = `suspicious ownership or permission on ${shownFile(at)} for output '${name}'; rejecting this build output`;
    throw rejection(message);
  }
  return stats;
}

/**
 * Refuses what does not belong to the users that run builders: a link to somebody else's file, of which a copy must not
 * get into the store, where everybody can read it.
 */
export function ownershipCheck({ first, last }: BuildUsers): (stats: Stats, shown: () => FsPath) => void {
  return ({ uid }, shown) => {
    if (uid < first || uid > last) throw rejection(`invalid ownership on file ${shownFile(displayFsPath(shown()))}`);
  };
}

/** Refuses what cannot be hashed as the bytes of one file. */
export function requirePlainFile(at: string, stats: Stats): void {
  if (stats.isFile() && (stats.mode & 0o100) === 0) return;
  throw rejection(
    `output path ${shownFile(at)} should be a non-executable regular file since recursive hashing is not enabled (one of outputHashMode={flat,text} is true)`,
  );
}
