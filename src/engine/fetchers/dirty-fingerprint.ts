import { type ByteString, brandAs } from '../../base/index.ts';
import { walkTreeToEnd } from '../../castore/index.ts';
import { Hasher, NarWriter, WireWriter } from '../../nix-compat/index.ts';
import { type GitOptions, runGit, splitAtZeros } from './run-git.ts';

/**
 * What stands for a work tree that is not as its commit is, as C++ Nix computes it: what its changed files have and which
 * files are gone, in base 16.
 */
export async function dirtyFingerprint(git: GitOptions): Promise<string> {
  const status = ['status', '--porcelain=v1', '-z', '-uno', '--no-renames', '--ignore-submodules=all'];
  const changed: ByteString[] = [];
  const deleted: ByteString[] = [];
  for (const line of splitAtZeros(await runGit(status, git))) {
    // Two letters, a blank, the path.
    const isGone = line.slice(0, 2).includes('D');
    (isGone ? deleted : changed).push(brandAs<ByteString>(line.slice(3)));
  }
  const hasher = new Hasher('sha512');
  for (const path of changed.toSorted(comparePaths)) {
    hasher.update(strings('modified:', `/${path}`));
    const nar = new NarWriter(chunk => hasher.update(chunk));
    walkTreeToEnd(Buffer.from(`${Buffer.from(git.folder).toString('latin1')}/${path}`, 'latin1'), nar, {
      buffer: () => new Uint8Array(64 * 1024),
    });
  }
  for (const path of deleted.toSorted(comparePaths)) hasher.update(strings('deleted:', `/${path}`));
  return Buffer.from(hasher.finish().digest).toString('hex');
}

/** As on wires: each with its length, padded. */
function strings(...texts: readonly string[]): Uint8Array {
  const writer = new WireWriter();
  for (const text of texts) writer.string(brandAs<ByteString>(text));
  return writer.take();
}

/** Folders before what is beside them: a slash comes before all else. */
function comparePaths(a: string, b: string): number {
  const [keyA, keyB] = [a, b].map(path => path.replaceAll('/', '\0'));
  return (keyA ?? '') < (keyB ?? '') ? -1 : 1;
}
