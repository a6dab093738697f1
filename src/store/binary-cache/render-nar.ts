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
  /** `chunk` is the taker's to keep. */
  write(chunk: Uint8Array): void;
  /** Memory for the next chunk, of `narChunkSize` bytes. */
  takeBuffer(): Buffer;
  /** Waits until it takes more. */
  drain(): Promise<void>;
}

/** Bytes of the NAR that are gathered before they are handed on. */
export const narChunkSize: number = 256 * 1024;

/** Renders the NAR of what `source` reports, compressed. Throws as `compressor`, and what the source throws. */
export async function renderNar(
  source: TreeSource,
  { method, signal }: RenderNarOptions,
  destination: NarDestination,
): Promise<void> {
  const codec = compressor(method);
  if (codec === undefined) {
    const takeBuffer = () => destination.takeBuffer();
    const nar = new NarWriter(chunk => destination.write(chunk), { bufferSize: narChunkSize, takeBuffer });
    await source(nar, () => destination.drain(), signal);
    await destination.drain();
    return;
  }
  await runCodec(
    codec,
    async input => {
      const gatherer = new BlockGatherer(input);
      const nar = new NarWriter(chunk => gatherer.add(chunk), { bufferSize: narChunkSize });
      await source(nar, () => gatherer.drain(), signal);
      await gatherer.finish();
    },
    async chunk => {
      destination.write(chunk);
      await destination.drain();
    },
  );
}
