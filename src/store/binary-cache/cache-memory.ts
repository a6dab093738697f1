import type { DerivationOutputId, NarInfo, RealisedOutput } from '../../nix-compat/index.ts';

/** What was found at some time: a value, or that there is none. */
export interface Found<T> {
  readonly value: T | undefined;
}

/** What a cache's `nix-cache-info` said, with defaults where it said nothing. */
export interface CacheTraits {
  readonly priority: number;
  readonly wantMassQuery: boolean;
}

/**
 * Remembers what one binary cache said, longer than this process lives. What has become too old is forgotten. Nothing
 * here throws: a memory that does not work remembers nothing.
 */
export interface CacheMemory extends Disposable {
  traits(): CacheTraits | undefined;
  rememberTraits(traits: CacheTraits): void;
  narInfo(hashPart: string): Found<NarInfo> | undefined;
  rememberNarInfo(hashPart: string, found: Found<NarInfo>): void;
  realisation(id: DerivationOutputId): Found<RealisedOutput> | undefined;
  rememberRealisation(id: DerivationOutputId, found: Found<RealisedOutput>): void;
}

/** How long answers count, in seconds. */
export interface TimesToLive {
  readonly positive: number;
  readonly negative: number;
  /** Of `nix-cache-info`. */
  readonly traits: number;
}
