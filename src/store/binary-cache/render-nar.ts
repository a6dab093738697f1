import type { CallOptions } from '../../castore/index.ts';
import { NarWriter } from '../../nix-compat/index.ts';
import type { TreeSource } from '../store.ts';
import { BlockGatherer } from './block-gatherer.ts';
import { runCodec } from './codec.ts';
import { type CompressionMethod, compressor } from './compression.ts';

export interface RenderNarOptions extends CallOptions {
  readonly method: CompressionMethod;
}

/** Where a NAR goes while it is rendered. */
export interface NarDestination {
  /** `chunk` is lent until the call returns. */
  write(chunk: Uint8Array): void;
  /** Waits until it takes more. */
  drain(): Promise<void>;
}

/** Bytes of the NAR that are gathered before they are handed on. */
const bufferSize = 256 * 1024;

/** Renders the NAR of what `source` reports, compressed. Throws as `compressor`, and what the source throws. */
export async function renderNar(
  source: TreeSource,
  { method, signal }: RenderNarOptions,
  destination: NarDestination,
): Promise<void> {
  const codec = compressor(method);
  if (codec === undefined) {
    const nar = new NarWriter(chunk => destination.write(chunk), { bufferSize });
    await source(nar, () => destination.drain(), signal);
    await destination.drain();
    return;
  }
  await runCodec(
    codec,
    async input => {
      const gatherer = new BlockGatherer(input);
      const nar = new NarWriter(chunk => gatherer.add(chunk), { bufferSize });
      await source(nar, () => gatherer.drain(), signal);
      await gatherer.finish();
    },
    async chunk => {
      destination.write(chunk);
      await destination.drain();
    },
  );
}
