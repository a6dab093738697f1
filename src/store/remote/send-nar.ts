import type { CallOptions } from '../../castore/index.ts';
import { Hasher, NarWriter, equalHashes, formatHash } from '../../nix-compat/index.ts';
import { StoreError } from '../error.ts';
import type { PathOffer } from '../store.ts';

export interface NarDestination extends CallOptions {
  /** Gets what is lent to it. */
  write(bytes: Uint8Array): void;
  drain(): Promise<void>;
  /** What messages call the path. */
  readonly name: string;
}

/**
 * Writes the NAR of what is offered. Throws `path/hash-mismatch` where it turns out not to be what its info says, before
 * more than that has been written, and what the source throws: then it is not complete.
 */
export async function sendNar({ info, source, checksNar }: PathOffer, destination: NarDestination): Promise<void> {
  const { name, signal } = destination;
  const hasher = checksNar === true ? undefined : new Hasher('sha256');
  let size = 0;
  const mismatch = (what: string, specified: string, got: string) => {
    const message = `${what} mismatch importing path '${name}';\n  specified: ${specified}\n  got:       ${got}`;
    return new StoreError('path/hash-mismatch', message);
  };
  const nar = new NarWriter(chunk => {
    size += chunk.byteLength;
    if (size > info.narSize) throw mismatch('size', String(info.narSize), `at least ${size}`);
    hasher?.update(chunk);
    destination.write(chunk);
  });
  await source(nar, () => destination.drain(), signal);
  if (!nar.finished) throw new TypeError('the tree has not ended');
  if (size !== info.narSize) throw mismatch('size', String(info.narSize), String(size));
  const got = hasher?.finish();
  if (got !== undefined && !equalHashes(got, info.narHash)) {
    const show = (hash: typeof got) => formatHash(hash, 'nix32', { prefix: true });
    throw mismatch('hash', show(info.narHash), show(got));
  }
  await destination.drain();
}
