import { CastoreError } from '../../error.ts';
import type { ByteSource } from '../byte-source.ts';
import { type GitObjectId, startGitHash } from './git-object.ts';

/** An object that is being read. Its contents are verified: wrong ones are `digest/mismatch`, at their end at the latest. */
export interface GitObject {
  readonly id: GitObjectId;
  /** `blob`, `tree`, `commit` or `tag`. */
  readonly type: string;
  /** Of the contents, in bytes. */
  readonly size: number;
  /** To be taken once, each piece lent until the next is asked for. */
  readonly contents: AsyncIterable<Uint8Array>;
}

/** Bytes that are set aside for an object before any of them has come: a header may announce what never comes. */
const firstCapacity = 64 * 1024;

/** A type, a blank, a size, and a NUL. */
const maxHeaderLength = 32;
const header = /^(blob|tree|commit|tag) (0|[1-9][0-9]{0,14})$/;

/**
 * Reads an object in the form in which git hashes it: type, blank, size, NUL, contents. Nothing may come after it. Throws
 * `git-object/malformed`.
 */
export async function readGitObject(source: ByteSource, id: GitObjectId): Promise<GitObject> {
  const bytes = await source.readUntil(0, maxHeaderLength);
  const [, type, digits] = header.exec(bytes === undefined ? '' : Buffer.from(bytes).toString('latin1')) ?? [];
  if (type === undefined || digits === undefined) throw malformed(id, 'does not begin with a type and a size');
  const size = Number(digits);
  const contents = async function* () {
    yield* verifyGitObject(source, { id, type, size });
    if (await source.skip(1)) throw malformed(id, `has more than its ${size} bytes`);
  };
  return { id, type, size, contents: contents() };
}

/** The contents of an object, which come next from `source`. Throws `git-object/malformed` and `digest/mismatch`. */
export async function* verifyGitObject(
  source: ByteSource,
  { id, type, size }: Omit<GitObject, 'contents'>,
): AsyncGenerator<Uint8Array, void> {
  const hash = startGitHash(id, type, size);
  let left = size;
  for await (const piece of source.lend(size)) {
    hash.update(piece);
    left -= piece.byteLength;
    yield piece;
  }
  if (left > 0) throw malformed(id, `breaks off ${left} bytes before its end`);
  const found = hash.digest('hex');
  if (found !== id) throw new CastoreError('digest/mismatch', `what is said to be the git object ${id} is ${found}`);
}

/** The contents of a small object; `git-object/unsupported` beyond `limit` bytes. */
export async function readWholeGitObject(object: GitObject, limit: number): Promise<Uint8Array> {
  if (object.size > limit) {
    const message = `the git object ${object.id} of ${object.size} bytes is beyond the limit of ${limit}`;
    throw new CastoreError('git-object/unsupported', message);
  }
  let bytes = new Uint8Array(Math.min(object.size, firstCapacity));
  let at = 0;
  for await (const piece of object.contents) {
    const needed = at + piece.byteLength;
    if (needed > bytes.byteLength) {
      const larger = new Uint8Array(Math.min(object.size, Math.max(needed, 2 * bytes.byteLength)));
      larger.set(bytes);
      bytes = larger;
    }
    bytes.set(piece, at);
    at = needed;
  }
  return bytes;
}

function malformed(id: GitObjectId, what: string): CastoreError {
  return new CastoreError('git-object/malformed', `the git object ${id} ${what}`);
}
