import { NarReader, type WireReader } from '../../nix-compat/index.ts';
import type { NarReceiver } from './peer-connection.ts';

/** Reads the NAR that comes next, to its end and no further. Throws `nar/…` and `wire/truncated`. */
export async function feedNar(reader: WireReader, { sink, observe, drain }: NarReceiver): Promise<void> {
  const nar = new NarReader(sink);
  await reader.feed({
    get finished() {
      return nar.finished;
    },
    push: async chunk => {
      const taken = nar.push(chunk);
      observe(taken === chunk.length ? chunk : chunk.subarray(0, taken));
      await drain();
      return taken;
    },
    end: () => nar.end(),
  });
}
