import type { ByteString } from './bytes.ts';

/**
 * Receives a file tree in the order of a NAR: depth first, entries of a directory in ascending byte order of their names.
 *
 *     node      = symlink | startFile fileData* endFile | startDirectory (entry node)* endDirectory
 *
 * One call sequence serves the NAR reader (which calls), the NAR writer (which is called), import and checkout, so a
 * reader wired to a writer is the identity. A receiver may throw to refuse; the caller then stops and passes it on.
 */
export interface TreeSink {
  startDirectory(): void;
  /** Announces the next node's name within the directory that is open. */
  entry(name: ByteString): void;
  endDirectory(): void;
  /** `size` is in bytes; exactly as many follow in `fileData`. */
  startFile(executable: boolean, size: number): void;
  /** `chunk` is lent: it may be overwritten after the call returns. */
  fileData(chunk: Uint8Array): void;
  /**
   * Memory of 1 to `size` bytes for the contents that come next: what is read into its beginning and given to `fileData`
   * as the next event is not copied. Absent where that saves nothing.
   */
  roomForData?(size: number): Uint8Array;
  endFile(): void;
  symlink(target: ByteString): void;
}

/** A sink that does nothing. */
export const ignoreTree: TreeSink = {
  startDirectory() {},
  entry() {},
  endDirectory() {},
  startFile() {},
  fileData() {},
  endFile() {},
  symlink() {},
};

/** Passes every event to each of `sinks`, in their order. */
export function teeTree(...sinks: readonly TreeSink[]): TreeSink {
  return {
    startDirectory: () => sinks.forEach(sink => sink.startDirectory()),
    entry: name => sinks.forEach(sink => sink.entry(name)),
    endDirectory: () => sinks.forEach(sink => sink.endDirectory()),
    startFile: (executable, size) => sinks.forEach(sink => sink.startFile(executable, size)),
    fileData: chunk => sinks.forEach(sink => sink.fileData(chunk)),
    endFile: () => sinks.forEach(sink => sink.endFile()),
    symlink: target => sinks.forEach(sink => sink.symlink(target)),
  };
}
