import { lstatSync, readFileSync, readlinkSync } from 'node:fs';
import type { FsPath } from '../../castore/index.ts';
import { type ByteString, equalBytes, errnoOf } from '../../base/index.ts';
import { hashTree } from '../evaluation/hash-tree.ts';
import { byteStringAt, fsPathOf, listDirectory, statFile } from '../evaluation/read-files.ts';
import { Fingerprints } from './fingerprint.ts';
import { digestOfListing, sha256 } from './input-recorder.ts';
import {
  type EvaluationInputs,
  type MarkedInputs,
  type TreeInput,
  digestSize,
  encodeKind,
  unknownKind,
} from './inputs.ts';

/**
 * Whether all that an evaluation read is as it was. What was touched is read again, but for trees of which a program took a part:
 * these count as changed. So does what cannot be looked at.
 */
export function areInputsSame(inputs: EvaluationInputs, environment: (name: string) => string | undefined): boolean {
  const { kinds, files, directories, links, trees, variables } = inputs;
  try {
    return (
      variables.every(([name, value]) => environment(name) === value) &&
      kinds.paths.every((path, index) => encodeKind(statFile(path)) === kinds.found[index]) &&
      links.paths.every((path, index) => readlinkSync(fsPathOf(path), 'latin1') === links.targets[index]) &&
      areSame(files, (path, digest, index) => {
        const kind = files.kinds[index];
        return (
          (kind === unknownKind || encodeKind(statFile(path)) === kind) &&
          equalBytes(sha256(readFileSync(fsPathOf(path))), digest)
        );
      }) &&
      areSame(directories, (path, digest) => {
        return equalBytes(digestOfListing(listDirectory(path)), digest);
      }) &&
      trees.every(isTreeSame)
    );
  } catch (error) {
    if (errnoOf(error) === undefined) throw error;
    return false;
  }
}

/** A symlink to what was read is not known again, but looked at. */
function areSame(
  { paths, marks, digests }: MarkedInputs,
  isSame: (path: ByteString, digest: Uint8Array, index: number) => boolean,
): boolean {
  const fingerprints = Fingerprints.of(marks);
  return paths.every((path, index) => {
    if (fingerprints.isSame(index, lstatSync(fsPathOf(path)))) return true;
    return isSame(path, digests.subarray(index * digestSize, (index + 1) * digestSize), index);
  });
}

function isTreeSame({ root, taken, digest, paths, marks }: TreeInput): boolean {
  const fingerprints = Fingerprints.of(marks);
  if (paths.every((path, index) => fingerprints.isSame(index, lstatSync(fsPathOf(path))))) return true;
  // What a program would choose of what is new is not known.
  if (taken === 'chosen') return false;
  const known = new Set(paths);
  const filter = taken === 'all' ? undefined : (entry: FsPath) => known.has(byteStringAt(entry));
  return equalBytes(hashTree(root, { filter }).digest, digest);
}
