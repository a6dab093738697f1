import { type ByteString, brandAs, bytesOf } from '../../base/index.ts';
import { hashBytes } from '../hash/hasher.ts';
import { makeTextPath } from '../store-path/make-store-path.ts';
import type { StoreDir } from '../store-path/store-dir.ts';
import { type StorePath, requireDerivationPath, storePathName } from '../store-path/store-path.ts';
import type { Derivation } from './derivation.ts';
import { formatDerivation } from './format-derivation.ts';

/** What has to be stored for a derivation. */
export interface DerivationFile {
  readonly path: StorePath;
  /** The file's bytes. */
  readonly text: ByteString;
  /** Of the store object: the input derivations and sources. Outputs are none, they need not exist. */
  readonly references: ReadonlySet<StorePath>;
}

/** The file of a derivation and its store path. Throws as `formatDerivation`, or `store-path/bad-name`. */
export function makeDerivationFile(storeDir: StoreDir, derivation: Derivation): DerivationFile {
  const text = formatDerivation(storeDir, derivation);
  const references = new Set([...derivation.inputSources, ...derivation.inputDerivations.keys()]);
  const hash = hashBytes('sha256', bytesOf(text));
  return { path: makeTextPath(storeDir, `${derivation.name}.drv`, { hash, references }), text, references };
}

/** The name of a derivation, given its store path. Throws `store-path/not-derivation`. */
export function derivationNameOf(path: StorePath): ByteString {
  requireDerivationPath(path);
  return brandAs<ByteString>(storePathName(path).slice(0, -'.drv'.length));
}
