import { teeTree } from '../../base/index.ts';
import {
  type NixHash,
  type PathInfo,
  type StoreDir,
  equalHashes,
  formatHash,
  isContentAddressed,
  printStorePath,
  storePathHashPart,
} from '../../nix-compat/index.ts';
import { type ContentHasher, NarHasher, contentHasher } from '../content-hasher.ts';
import { StoreError } from '../error.ts';
import type { PathOffer } from '../store.ts';
import { isTrustedInfo } from '../trust-policy.ts';
import type { ValidPath } from '../valid-path.ts';
import type { LocalStore } from './local-store.ts';
import { type StagedTree, TreeStaging } from './tree-staging.ts';

/** A path that could become valid: its tree is in a batch that is not committed yet. It is disposed of with the batch. */
export interface StagedPath extends ValidPath, StagedTree {}

export interface StageOptions {
  readonly checkSignatures: boolean;
  /** Whether what the castore has of it already is replaced. */
  readonly repair: boolean;
  /** Whether nothing else is staged meanwhile. */
  readonly isAlone: boolean;
  readonly signal: AbortSignal;
}

/**
 * Takes over what `offer` offers, if it is what it says: throws `path/untrusted`, `path/wrong-name`,
 * `path/hash-mismatch`, and what its source throws.
 */
export async function stageOffer(store: LocalStore, offer: PathOffer, options: StageOptions): Promise<StagedPath> {
  const { info } = offer;
  if (options.checkSignatures && !offer.isTrusted) requireTrust(store, info);
  const content = contentCheck(store.storeDir, info);
  const nar = offer.checksNar === true ? undefined : new NarHasher();
  await using staging = await TreeStaging.begin(store, {
    renew: options.repair,
    atOnce: options.isAlone,
    signal: options.signal,
  });
  const sinks = [nar?.sink, content?.sink].filter(sink => sink !== undefined);
  const drain = async () => {
    // What is longer than announced may well have no end.
    if (nar !== undefined && info.narSize > 0 && nar.size > info.narSize)
      throw wrongSize(store.storeDir, info, nar.size);
    await staging.receiver.drain();
  };
  const sink = sinks.length === 0 ? staging.receiver : teeTree(...sinks, staging.receiver);
  await offer.source(sink, drain, options.signal);
  const { narHash, narSize } = nar === undefined ? info : { narHash: nar.finish(), narSize: nar.size };
  requireEqual(store.storeDir, info, { specified: info.narHash, got: narHash });
  if (info.narSize > 0 && narSize !== info.narSize) throw wrongSize(store.storeDir, info, narSize);
  if (info.contentAddress !== undefined) {
    const got = content?.finish() ?? narHash;
    requireEqual(store.storeDir, info, { specified: info.contentAddress.hash, got, prefix: 'ca ' });
  }
  return { info: { ...info, narSize }, ...(await staging.finish()) };
}

/** Throws `path/untrusted` unless the path is content-addressed or signed by a trusted key, where that is asked for. */
export function requireTrust(store: LocalStore, info: PathInfo): void {
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
