import { type Stats, lstatSync, readFileSync, readlinkSync } from 'node:fs';
import type { FsPath } from '../../castore/index.ts';
import { type ByteString, equalBytes, errnoOf } from '../../base/index.ts';
import { hashTree } from '../evaluation/hash-tree.ts';
import { byteStringAt, fsPathOf, listDirectory, statFile } from '../evaluation/read-files.ts';
import { isSameFile } from './fingerprint.ts';
import { digestOfListing, sha256 } from './input-recorder.ts';
import {
  type EvaluationInputs,
  type MarkedInputs,
  type TreeInputs,
  countOf,
  digestSize,
  encodeKind,
  encodeMode,
  nothing,
  splitPaths,
  takenMarks,
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
      areKindsSame(kinds) &&
      areLinksSame(links) &&
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
      areTreesSame(trees)
    );
  } catch (error) {
    if (errnoOf(error) === undefined) throw error;
    return false;
  }
}

const lenient = { throwIfNoEntry: false } as const;

function statsOf(path: ByteString): Stats | undefined {
  return lstatSync(fsPathOf(path), lenient);
}

function areKindsSame({ paths, found }: EvaluationInputs['kinds']): boolean {
  return splitPaths(paths, found.length).every((path, index) => kindAt(path) === found[index]);
}

/** As `encodeKind(statFile(path))`, for thousands of paths. */
function kindAt(path: ByteString): string {
  try {
    const stats = statsOf(path);
    return stats === undefined ? nothing : encodeMode(stats.mode);
  } catch (error) {
    if (errnoOf(error) !== 'ENOTDIR') throw error;
    return nothing;
  }
}

function areLinksSame({ paths, targets }: EvaluationInputs['links']): boolean {
  if (paths === '') return true;
  const wanted = targets.split('\0');
  return splitPaths(paths, wanted.length).every((path, index) => {
    return readlinkSync(fsPathOf(path), 'latin1') === wanted[index];
  });
}

/** A symlink to what was read is not known again, but looked at. */
function areSame(
  inputs: MarkedInputs,
  isSame: (path: ByteString, digest: Uint8Array, index: number) => boolean,
): boolean {
  const { marks, digests } = inputs;
  return splitPaths(inputs.paths, countOf(inputs)).every((path, index) => {
    const stats = statsOf(path);
    if (stats === undefined) return false;
    if (isSameFile(marks, index, stats)) return true;
    return isSame(path, digests.subarray(index * digestSize, (index + 1) * digestSize), index);
  });
}

function areTreesSame(trees: TreeInputs): boolean {
  const { taken, digests, counts, marks } = trees;
  const paths = splitPaths(trees.paths, countOf(trees));
  let end = 0;
  return splitPaths(trees.roots, taken.length).every((root, index) => {
    const start = end;
    end = start + (counts[index] ?? 0);
    let isSame = true;
    for (let at = start; at < end && isSame; at++) {
      const stats = statsOf(paths[at] ?? root);
      if (stats === undefined) return false;
      isSame = isSameFile(marks, at, stats);
    }
    if (isSame) return true;
    // What a program would choose of what is new is not known.
    if (taken[index] === takenMarks.chosen) return false;
    const known = new Set(paths.slice(start, end));
    const filter = taken[index] === takenMarks.all ? undefined : (entry: FsPath) => known.has(byteStringAt(entry));
    const { digest } = hashTree(root, { filter });
    return equalBytes(digest, digests.subarray(index * digestSize, (index + 1) * digestSize));
  });
}
