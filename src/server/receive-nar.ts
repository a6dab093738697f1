import { NarReader } from '../nix-compat/index.ts';
import type { TreeSource } from '../store/index.ts';

/** What a stream within a stream has to offer. */
export interface Chunks {
  /** Undefined at the end. Lent until the next is asked for. */
  chunk(): Promise<Uint8Array | undefined>;
}

/** The tree of the NAR that a client sends, to be read once. Throws `nar/…`. */
export function receiveNar(chunks: Chunks): TreeSource {
  return async (sink, drain, signal) => {
    const nar = new NarReader(sink);
    while (!nar.finished) {
      signal?.throwIfAborted();
      const chunk = await chunks.chunk();
      if (chunk === undefined) return nar.end();
      nar.push(chunk);
      await drain();
    }
  };
}
