import type { ByteString } from '../../base/index.ts';
import type { FileInfo } from '../../eval/index.ts';

/** What one evaluation has read of the machine: the same again means the same result. */
export interface EvaluationInputs {
  /** What is at each of `paths` that is not among the files, a character of `encodeKind` for each. */
  readonly kinds: { readonly paths: readonly ByteString[]; readonly found: string };
  /** Files that were read. `kinds` has what was found there, or a blank where nobody looked. */
  readonly files: MarkedInputs & { readonly kinds: string };
  readonly directories: MarkedInputs;
  readonly links: { readonly paths: readonly ByteString[]; readonly targets: readonly ByteString[] };
  readonly trees: readonly TreeInput[];
  readonly variables: readonly (readonly [name: string, value: string | undefined])[];
}

/** Things that are known again by their fingerprints, else by the SHA-256 of what they hold. */
export interface MarkedInputs {
  readonly paths: readonly ByteString[];
  /** `Fingerprints.toArray` */
  readonly marks: Float64Array;
  /** 32 bytes each. */
  readonly digests: Uint8Array;
}

/** What of a tree is taken: all, what a list names that follows from other inputs, or what a program chose. */
export type TakenEntries = 'all' | 'listed' | 'chosen';

/** A tree that was hashed. */
export interface TreeInput {
  readonly root: ByteString;
  readonly taken: TakenEntries;
  /** SHA-256 of its NAR. */
  readonly digest: Uint8Array;
  /** All in it that was taken, the root included. */
  readonly paths: readonly ByteString[];
  readonly marks: Float64Array;
}

export const digestSize = 32;

/** Of what nobody looked at. */
export const unknownKind = ' ';

const kinds = { regular: 'f', directory: 'd', symlink: 'l', unknown: '?' } as const;

/** One character for what `stat` says. */
export function encodeKind(info: FileInfo | undefined): string {
  if (info === undefined) return '-';
  return info.type === 'regular' && info.executable ? 'x' : kinds[info.type];
}
