import { type ByteString, byteStringFromText } from '../../base/index.ts';
import type { StoreDir } from '../store-path/store-dir.ts';
import type { ProtocolVersion } from './protocol-version.ts';

/** What the form of values in both protocols depends on. */
export interface WireContext {
  readonly storeDir: StoreDir;
  /** As both sides agreed on it. */
  readonly version: ProtocolVersion;
}

/** What one side of the worker protocol can do, or what both can. */
export interface WorkerProtocol {
  readonly version: ProtocolVersion;
  /** Names of extensions, known since 1.38. */
  readonly features: ReadonlySet<ByteString>;
}

/** What the form of values in the worker protocol depends on. */
export interface WorkerContext extends WireContext, WorkerProtocol {}

/** Realisations name the derivation and not its hash: an extension of Nix 2.35, which 2.34 does not offer. */
export const buildTraceFeature: ByteString = byteStringFromText('realisation-with-path-not-hash');
