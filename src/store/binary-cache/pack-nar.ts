import { randomUUID } from 'node:crypto';
import { closeSync, openSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { teeTree } from '../../base/index.ts';
import type { CallOptions } from '../../castore/index.ts';
import { Hasher, NarLister, type NarListing, NarWriter, type NixHash } from '../../nix-compat/index.ts';
import type { TreeSource } from '../store.ts';
import { runCodec } from './codec.ts';
import { BlockGatherer } from './block-gatherer.ts';
import { type CompressOptions, type CompressionMethod, compressor } from './compression.ts';
import { writeFully } from '../write-fully.ts';

export interface PackNarOptions extends CallOptions, CompressOptions {
  readonly method: CompressionMethod;
  /** Where the file is made: absolute, and there. */
  readonly folder: string;
}

/** A compressed NAR in a file of its own, which goes with this object unless somebody moves it away. */
export interface PackedNar extends Disposable {
  readonly file: string;
  /** Of the file, SHA-256. */
  readonly fileHash: NixHash;
  readonly fileSize: number;
  /** Of the NAR, SHA-256. */
  readonly narHash: NixHash;
  readonly narSize: number;
  readonly listing: NarListing;
}

/** Bytes of the NAR that are gathered before they are compressed. */
const bufferSize = 256 * 1024;

/** Renders the NAR of what `source` reports, compresses, hashes and lists it in one pass. Throws as `compressor`. */
export async function packNar(source: TreeSource, options: PackNarOptions): Promise<PackedNar> {
  const { method, folder, signal } = options;
  const file = join(folder, `.firn-${process.pid}-${randomUUID()}`);
  const remove = () => rmSync(file, { force: true });
  const fd = openSync(file, 'wx');
  const fileHasher = new Hasher('sha256');
  const narHasher = new Hasher('sha256');
  const lister = new NarLister();
  const take = (chunk: Uint8Array) => {
    signal?.throwIfAborted();
    fileHasher.update(chunk);
    writeFully(fd, chunk);
  };
  const render = async (write: (chunk: Uint8Array) => void, drain: () => Promise<void>) => {
    const nar = new NarWriter(
      chunk => {
        narHasher.update(chunk);
        write(chunk);
      },
      { bufferSize },
    );
    await source(teeTree(nar, lister), drain, signal);
  };
  try {
    const codec = compressor(method, options);
    if (codec === undefined) await render(take, () => Promise.resolve());
    else {
      const feed = async (input: Parameters<Parameters<typeof runCodec>[1]>[0]) => {
        const gatherer = new BlockGatherer(input);
        await render(
          chunk => gatherer.add(chunk),
          () => gatherer.drain(),
        );
        await gatherer.finish();
      };
      await runCodec(codec, feed, take);
    }
    if (lister.listing === undefined) throw new TypeError('the tree has not ended');
    return {
      file,
      fileHash: fileHasher.finish(),
      fileSize: fileHasher.size,
      narHash: narHasher.finish(),
      narSize: narHasher.size,
      listing: lister.listing,
      [Symbol.dispose]: remove,
    };
  } catch (error) {
    remove();
    throw error;
  } finally {
    closeSync(fd);
  }
}
