import type { GetFileOptions } from './cache-transport.ts';

/** Bytes of the largest file that is fetched ahead, and of all that wait for somebody. */
const largest = 64 * 1024;
const most = 16 * 1024 * 1024;

type GetFile = (path: string, options: GetFileOptions) => Promise<Uint8Array | undefined>;

/**
 * Small files of a cache that is far away, fetched before anybody asks for them: in the time that it takes to learn what
 * else is needed. Each is handed out once; what nobody asks for is dropped with this.
 */
export class FilesAhead implements Disposable {
  readonly #get: GetFile;
  readonly #files = new Map<string, { readonly size: number; readonly bytes: Promise<Uint8Array | undefined> }>();
  readonly #stop = new AbortController();
  #waiting = 0;

  constructor(get: GetFile) {
    this.#get = get;
  }

  /** Begins to fetch a file that is said to have `size` bytes, unless it is large or too much is waiting. */
  begin(path: string, size: number): void {
    if (size > largest || this.#waiting + size > most || this.#files.has(path)) return;
    this.#waiting += size;
    const { signal } = this.#stop;
    // Whoever needs it asks again, and is told.
    const bytes = this.#get(path, { limit: size, isSmall: true, signal }).catch(() => undefined);
    this.#files.set(path, { size, bytes });
  }

  /** A file that was begun; undefined where it was not, or did not come. */
  async take(path: string): Promise<Uint8Array | undefined> {
    const file = this.#files.get(path);
    if (file === undefined) return undefined;
    this.#files.delete(path);
    const bytes = await file.bytes;
    this.#waiting -= file.size;
    return bytes;
  }

  [Symbol.dispose](): void {
    this.#stop.abort();
    this.#files.clear();
  }
}
