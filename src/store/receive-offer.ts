import { type TreeSink, teeTree } from '../base/index.ts';
import type { TreeReceiver } from '../castore/index.ts';
import {
  type NixHash,
  type PathInfo,
  type StoreDir,
  equalHashes,
  formatHash,
  isContentAddressed,
  printStorePath,
  storePathHashPart,
} from '../nix-compat/index.ts';
import { type ContentHasher, NarHasher, contentHasher } from './content-hasher.ts';
import { StoreError } from './error.ts';
import type { PathOffer } from './store.ts';
import { type TrustPolicy, isTrustedInfo } from './trust-policy.ts';

/** What is needed of a store that takes paths over. */
export interface OfferTaker extends TrustPolicy {
  readonly storeDir: StoreDir;
}

/** Gets the events of a tree, and is waited for between them. */
type OfferReceiver = TreeSink & Pick<TreeReceiver, 'drain'>;

/**
 * Sends what is offered to `receiver`, and returns what is known of it, if it is what it says: throws `path/wrong-name`,
 * `path/hash-mismatch`, and what its source throws. Whether it may be taken is to be
 * looked at before (`requireTrust`).
 */
export async function receiveOffer(
  store: Pick<OfferTaker, 'storeDir'>,
  offer: PathOffer,
  { receiver, signal }: { readonly receiver: OfferReceiver; readonly signal: AbortSignal },
): Promise<PathInfo> {
  const { info } = offer;
  const content = contentCheck(store.storeDir, info);
  const nar = offer.checksNar === true ? undefined : new NarHasher();
  const sinks = [nar?.sink, content?.sink].filter(sink => sink !== undefined);
  const drain = async () => {
    // What is longer than announced may well have no end.
    if (nar !== undefined && info.narSize > 0 && nar.size > info.narSize)
      throw wrongSize(store.storeDir, info, nar.size);
    await receiver.drain();
  };
  const sink: TreeSink = sinks.length === 0 ? receiver : teeTree(...sinks, receiver);
  await offer.source(sink, drain, signal);
  const { narHash, narSize } = nar === undefined ? info : { narHash: nar.finish(), narSize: nar.size };
  requireEqual(store.storeDir, info, { specified: info.narHash, got: narHash });
  if (info.narSize > 0 && narSize !== info.narSize) throw wrongSize(store.storeDir, info, narSize);
  if (info.contentAddress !== undefined) {
    const got = content?.finish() ?? narHash;
    requireEqual(store.storeDir, info, { specified: info.contentAddress.hash, got, prefix: 'ca ' });
  }
  return { ...info, narSize };
}

/** Throws `path/untrusted` unless the path is content-addressed or signed by a trusted key, where that is asked for. */
export function requireTrust(store: OfferTaker, info: PathInfo): void {
  const { storeDir } = store;
  if (isTrustedInfo(storeDir, store, info)) return;
  const printed = printStorePath(storeDir, info.path);
  throw new StoreError('path/untrusted', `cannot add path '${printed}' because it lacks a signature by a trusted key`);
}

/** What hashes the tree as the path's content address has it; undefined where that is the NAR's own hash. */
function contentCheck(storeDir: StoreDir, info: PathInfo): ContentHasher | undefined {
  const { contentAddress, path } = info;
  if (contentAddress === undefined) return undefined;
  if (!isContentAddressed(storeDir, info)) {
    const printed = printStorePath(storeDir, path);
    throw new StoreError(
      'path/wrong-name',
      `cannot add path '${printed}' to the Nix store because it claims to be content-addressed but isn't`,
    );
  }
  const { method, hash } = contentAddress;
  const refersToItself = info.references.includes(path);
  if (method === 'nar' && hash.algorithm === 'sha256' && !refersToItself) return undefined;
  return contentHasher({
    method,
    algorithm: hash.algorithm,
    hashPart: refersToItself ? storePathHashPart(path) : undefined,
  });
}

function requireEqual(
  storeDir: StoreDir,
  { path }: PathInfo,
  hashes: { readonly specified: NixHash; readonly got: NixHash; readonly prefix?: string },
): void {
  const { specified, got, prefix = '' } = hashes;
  if (equalHashes(specified, got)) return;
  const [expected, found] = [specified, got].map(hash => formatHash(hash, 'nix32', { prefix: true }));
  throw new StoreError(
    'path/hash-mismatch',
    `${prefix}hash mismatch importing path '${printStorePath(storeDir, path)}';\n  specified: ${expected}\n  got:       ${found}`,
  );
}

function wrongSize(storeDir: StoreDir, { path, narSize }: PathInfo, got: number): StoreError {
  return new StoreError(
    'path/hash-mismatch',
    `size mismatch importing path '${printStorePath(storeDir, path)}';\n  specified: ${narSize}\n  got:       ${got}`,
  );
}
