import type { ByteString } from '../../base/index.ts';
import type { PathInfo, SecretKey, StorePath } from '../../nix-compat/index.ts';
import type { Store } from '../../store/index.ts';
import type { NarCompression } from './nar-compression.ts';
import type { SentTable } from './sent-table.ts';

/** What a binary cache is made of, as the command line composes it. */
export interface ServedCache {
  readonly store: Store;
  /** What the tree of a valid path is, as root claims name it: then clients read it blob by blob. */
  readonly rootOf: (path: StorePath) => ByteString | undefined;
  /** Sign what is served, beside the signatures that it has. */
  readonly keys: readonly SecretKey[];
  /** Of the NARs that narinfos name. */
  readonly compression: NarCompression;
  /** Of several caches, that with the smallest is asked first. */
  readonly priority: number;
  /** Where what the store lacks is had from; undefined where it is had from nowhere. */
  readonly upstream: CacheUpstream | undefined;
  /** A folder for what is being sent to the cache, which is this server's alone. */
  readonly spool: string;
  /** What was sent, and as what. */
  readonly sent: SentTable;
  /** Names of the instances that have only what was sent to them; others have all of the store. */
  readonly privateInstances: ReadonlySet<string>;
  /** The binary cache that is in a folder. */
  readonly openFolder: (folder: string) => Promise<Store>;
}

/** Other caches, whose paths become those of the store when they are asked for. */
export interface CacheUpstream {
  /** What they know of the path with that hash part. */
  find(hashPart: string, signal: AbortSignal): Promise<PathInfo | undefined>;
  /** Makes a path valid in the store, with all that it refers to. */
  fetch(path: StorePath, signal: AbortSignal): Promise<void>;
}

/** Whether whoever asks an instance may know of a path of the store. */
export function showsPath(
  { sent, privateInstances }: Pick<ServedCache, 'sent' | 'privateInstances'>,
  instance: string,
  { path, narHash }: Pick<PathInfo, 'path' | 'narHash'>,
): boolean {
  return !privateInstances.has(instance) || sent.has(instance, { path, narHash: narHash.digest });
}
