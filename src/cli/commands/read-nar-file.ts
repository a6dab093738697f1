import type { TreeSink } from '../../base/index.ts';
import { NarReader } from '../../nix-compat/index.ts';
import { readChunks } from '../read-input.ts';

/** Reads the NAR that starts at the position of `fd`; what follows it is left alone. Throws `nar/...`, `input/failed`. */
export function readNarFrom(fd: number, sink: TreeSink): void {
  const reader = new NarReader(sink);
  for (const chunk of readChunks(fd)) {
    reader.push(chunk);
    if (reader.finished) break;
  }
  reader.end();
}
