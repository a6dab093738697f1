import type { FileHandle } from 'node:fs/promises';
import type { TreeSink } from '../base/index.ts';
import { NarWriter, WireReader } from '../nix-compat/index.ts';
import { fileChunks } from './file-chunks.ts';
import { openNamelessFile } from './nameless-file.ts';
import { feedNar } from './remote/feed-nar.ts';
import type { TreeSource } from './store.ts';
import { writeFully } from './write-fully.ts';

/**
 * A tree that is kept on disk as it comes, for whoever has to read it twice, or gets to know only after it what has to be
 * said before it:
 *
 *     await using spool = await SpooledTree.begin();
 *     await source(spool.sink, drain);
 *     const info = await describeTree(storeDir, spool.source, options);
 */
export class SpooledTree implements AsyncDisposable {
  readonly sink: TreeSink;
  readonly #file: FileHandle;

  private constructor(file: FileHandle) {
    this.#file = file;
    this.sink = new NarWriter(bytes => writeFully(file.fd, bytes));
  }

  static async begin(): Promise<SpooledTree> {
    return new SpooledTree(await openNamelessFile());
  }

  /** Once all of it has come, as often as it is wanted. */
  get source(): TreeSource {
    return async (sink, drain, signal) => {
      await using reader = new WireReader(fileChunks(this.#file, undefined, signal));
      await feedNar(reader, { sink, observe: () => {}, drain });
    };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#file.close();
  }
}
