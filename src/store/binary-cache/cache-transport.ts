import type { CallOptions } from '../../castore/index.ts';
import type { ByteRange } from '../file-chunks.ts';

/**
 * Where the files of a binary cache are. Paths are relative to the cache, `<hash>.narinfo` or `nar/<hash>.nar.xz`; they
 * come from narinfos, too, which nobody vouches for: a transport refuses those that lead out of the cache
 * (`cache/bad-path`) unless the protocol has URLs of its own for that.
 *
 * Absence is `undefined` or false. Everything else that keeps a file from being read or written is an error that names
 * the file and says what went wrong.
 */
export interface CacheTransport extends AsyncDisposable {
  /** Where uploads are best prepared, absolute: a file that is there becomes the cache's without being copied. */
  readonly stagingFolder: string | undefined;

  /** Whether a file takes time to come, however small it is. */
  readonly isFar: boolean;

  exists(path: string, options?: CallOptions): Promise<boolean>;

  /** A whole small file. Throws `cache/file-too-large` for more than `limit` bytes. */
  get(path: string, options: GetFileOptions): Promise<Uint8Array | undefined>;

  /**
   * A file in chunks, each the caller's to keep and read when it is asked for. The result is to be iterated, once; ending
   * that early gives up the rest.
   */
  open(path: string, options?: OpenFileOptions): Promise<AsyncIterable<Uint8Array> | undefined>;

  /** Makes or replaces a file, so that others find the old contents or the new ones. */
  put(path: string, content: UploadContent, options: PutFileOptions): Promise<void>;

  /** Names of the files beside `nix-cache-info`, in no order; undefined where they cannot be listed. */
  list?(options?: CallOptions): Promise<readonly string[]>;
}

export interface GetFileOptions extends CallOptions {
  /** In bytes. */
  readonly limit: number;
  /** Where the contents go that have so many bytes, as far as that is known before they come; at least so many. */
  readonly memory?: ((size: number) => Uint8Array) | undefined;
  /** Whether the file is known to be small: many such may be asked for at a time. */
  readonly isSmall?: boolean;
  /** Whether being refused is an error, rather than what servers say of files that they do not have. */
  readonly refusalIsError?: boolean;
}

export interface OpenFileOptions extends CallOptions {
  /** A part of the file, or as much of it as there is. */
  readonly range?: ByteRange;
}

/** Read from the beginning for every attempt. */
export type UploadContent =
  | { readonly bytes: Uint8Array }
  /** A file that nobody changes until the upload has ended, and that the upload may move away. `size` is in bytes. */
  | { readonly file: string; readonly size: number };

export interface PutFileOptions extends CallOptions {
  readonly mimeType: string;
  /** What is told with the file to those whom that interests. */
  readonly headers?: Readonly<Record<string, string>>;
}

export function uploadSize(content: UploadContent): number {
  return 'bytes' in content ? content.bytes.byteLength : content.size;
}
