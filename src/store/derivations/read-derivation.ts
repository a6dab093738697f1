import { type ByteString, brandAs, byteStringOf, displayBytes } from '../../base/index.ts';
import type { CallOptions } from '../../castore/index.ts';
import {
  type Derivation,
  type StorePath,
  defaultMaxDerivationSize,
  derivationNameOf,
  parseDerivation,
  printStorePath,
} from '../../nix-compat/index.ts';
import { StoreError } from '../error.ts';
import type { Store } from '../store.ts';

/**
 * The derivation at a valid path. Throws `path/invalid`, `store-path/not-derivation`, `tree/not-a-file`, or what is
 * wrong with it (`derivation/…`).
 */
export async function readDerivation(store: Store, path: StorePath, options?: CallOptions): Promise<Derivation> {
  const name = derivationNameOf(path);
  const known = atHand(store, path);
  if (known !== undefined) return known;
  const tree = await store.openTree(path, options);
  const entry = await tree.lookup([], options);
  if (entry?.type === 'regular' && entry.size > defaultMaxDerivationSize) {
    const message = `derivation '${displayBytes(printStorePath(store.storeDir, path))}' has ${entry.size} bytes: that is too large`;
    throw new StoreError('derivation/too-large', message);
  }
  let text = '';
  for await (const chunk of tree.read([], options)) text += byteStringOf(chunk);
  return parseDerivation(brandAs<ByteString>(text), { storeDir: store.storeDir, name });
}

/** The derivations at valid paths: those that the store has at hand at once. Throws as `readDerivation`. */
export async function readDerivations(
  store: Store,
  paths: Iterable<StorePath>,
  options?: CallOptions,
): Promise<ReadonlyMap<StorePath, Derivation>> {
  const all = new Set(paths);
  const found = new Map(store.knownDerivations?.(all, { areValid: true }));
  for (const path of all) if (!found.has(path)) found.set(path, await readDerivation(store, path, options));
  return found;
}

/** What is wrong with it is said by reading it. */
function atHand(store: Store, path: StorePath): Derivation | undefined {
  try {
    return store.derivation?.(path);
  } catch {
    return undefined;
  }
}
