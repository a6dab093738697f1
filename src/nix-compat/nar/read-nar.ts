import type { TreeSink } from '../../base/index.ts';
import { NixCompatError } from '../error.ts';
import type { NarLimits } from './nar-limits.ts';
import { NarReader } from './nar-reader.ts';

/** Reads the NAR that `bytes` are, all of them: what follows it is refused as `nar/trailing-data`. */
export function readNar(bytes: Uint8Array, sink: TreeSink, limits?: Partial<NarLimits>): void {
  const reader = new NarReader(sink, limits);
  const size = reader.push(bytes);
  reader.end();
  if (size < bytes.length)
    throw new NixCompatError('nar/trailing-data', `bad archive: ${bytes.length - size} bytes follow the NAR`, {
      offset: size,
    });
}
