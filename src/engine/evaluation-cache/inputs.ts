import { constants } from 'node:fs';
import { type Brand, type ByteString, brandAs } from '../../base/index.ts';
import type { FileInfo } from '../../eval/index.ts';
import { marksOfFile } from './fingerprint.ts';

/** Paths and other texts without NUL, joined by that: one string is read sooner than thousands. */
export type JoinedPaths = Brand<string, 'JoinedPaths'>;

/** What one evaluation has read of the machine: the same again means the same result. */
export interface EvaluationInputs {
  /** What is at each of `paths` that is not among the files, a character of `encodeKind` for each. */
  readonly kinds: { readonly paths: JoinedPaths; readonly found: string };
  /** Files that were read. `kinds` has what was found there, or a blank where nobody looked. */
  readonly files: MarkedInputs & { readonly kinds: string };
  readonly directories: MarkedInputs;
  readonly links: { readonly paths: JoinedPaths; readonly targets: JoinedPaths };
  readonly trees: TreeInputs;
  readonly variables: readonly (readonly [name: string, value: string | undefined])[];
}

/** Things that are known again by their fingerprints, else by the SHA-256 of what they hold. */
export interface MarkedInputs {
  readonly paths: JoinedPaths;
  /** `Fingerprints.toArray` */
  readonly marks: Float64Array;
  /** 32 bytes each. */
  readonly digests: Uint8Array;
}

/** What of a tree is taken: all, what a list names that follows from other inputs, or what a program chose. */
export type TakenEntries = 'all' | 'listed' | 'chosen';

/** Trees that were hashed, one after the other. */
export interface TreeInputs {
  readonly roots: JoinedPaths;
  /** A character of `takenMarks` for each. */
  readonly taken: string;
  /** SHA-256 of the NAR of each, 32 bytes. */
  readonly digests: Uint8Array;
  /** How many of the paths are of each: all in it that was taken, the root included. */
  readonly counts: Uint32Array;
  readonly paths: JoinedPaths;
  readonly marks: Float64Array;
}

/** By what is taken. */
export const takenMarks: { readonly [taken in TakenEntries]: string } = { all: 'a', listed: 'l', chosen: 'c' };

export function joinPaths(paths: readonly ByteString[]): JoinedPaths {
  return brandAs<JoinedPaths>(paths.join('\0'));
}

/** `count` tells no paths from the empty one. */
export function splitPaths(joined: JoinedPaths, count: number): readonly ByteString[] {
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- what `joinPaths` joined
  return count === 0 ? [] : (joined.split('\0') as ByteString[]);
}

export function countOf({ marks }: Pick<MarkedInputs, 'marks'>): number {
  return marks.length / marksOfFile;
}

export const digestSize = 32;

/** Of what nobody looked at. */
export const unknownKind = ' ';

const kinds = { regular: 'f', directory: 'd', symlink: 'l', unknown: '?' } as const;
const executable = 'x';

/** Of where nothing is. */
export const nothing = '-';

/** One character for what `stat` says. */
export function encodeKind(info: FileInfo | undefined): string {
  if (info === undefined) return nothing;
  return info.type === 'regular' && info.executable ? executable : kinds[info.type];
}

/** The same for what the system says. */
export function encodeMode(mode: number): string {
  switch (mode & constants.S_IFMT) {
    case constants.S_IFREG:
      return (mode & 0o111) === 0 ? kinds.regular : executable;
    case constants.S_IFDIR:
      return kinds.directory;
    case constants.S_IFLNK:
      return kinds.symlink;
    default:
      return kinds.unknown;
  }
}
