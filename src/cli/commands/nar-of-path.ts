import { lstatSync } from 'node:fs';
import { type ByteString, brandAs, displayBytes } from '../../base/index.ts';
import { walkTreeToEnd } from '../../castore/index.ts';
import { GitTreeHasher, type HashAlgorithm, NarWriter, type NixHash, caseHackSuffix } from '../../nix-compat/index.ts';
import { CliError } from '../error.ts';
import { absolutePath, fsPathOf } from '../paths.ts';
import type { InvocationSettings } from '../settings/invocation-settings.ts';

/** Measured with trees of 58 KB files into a pipe: 64 KiB take 1.2 times as long, 1 MiB is no quicker. */
const bufferSize = 256 * 1024;

/**
 * Writes the NAR of the file tree at `path` (absolute and canonical). Throws CastoreErrors `tree/...`, NixCompatErrors
 * `nar/...` and the operating system's errors.
 */
export function writeNarOfPath(
  path: ByteString,
  settings: InvocationSettings,
  write: (chunk: Uint8Array) => void,
): void {
  const writer = new NarWriter(write, { bufferSize });
  walkTreeToEnd(fsPathOf(path), writer, {
    // Contents are read to where the NAR is put together.
    buffer: size => writer.roomForData(size),
    ...(settings.get('use-case-hack') ? { nameOf: withoutCaseHack } : {}),
  });
}

/** The hash of git's object for the file tree at `path`; throws as `writeNarOfPath` does. */
export function hashGitTree(path: ByteString, algorithm: HashAlgorithm): NixHash {
  const hasher = new GitTreeHasher(algorithm);
  walkTreeToEnd(fsPathOf(path), hasher);
  if (hasher.root === undefined) throw new TypeError('a walk ended without a root');
  return hasher.root.hash;
}

function withoutCaseHack(onDisk: ByteString): ByteString {
  const suffix = onDisk.indexOf(caseHackSuffix);
  return suffix < 0 ? onDisk : brandAs<ByteString>(onDisk.slice(0, suffix));
}

/** The absolute form of what the user typed; refuses paths through symlinks, as C++ Nix does when it dumps one. */
export function dumpablePath(typed: ByteString): ByteString {
  const path = absolutePath(typed);
  for (let at = path.indexOf('/', 1); at > 0; at = path.indexOf('/', at + 1)) {
    const ancestor = brandAs<ByteString>(path.slice(0, at));
    if (lstatSync(fsPathOf(ancestor), { throwIfNoEntry: false })?.isSymbolicLink() === true) {
      throw new CliError('input/symlink', `path '${displayBytes(ancestor)}' is a symlink`);
    }
  }
  return path;
}
