import { readFileSync, readdirSync } from 'node:fs';
import { type ByteString, byteStringOf } from '../base/index.ts';
import {
  type Derivation,
  type StorePath,
  defaultStoreDir,
  derivationNameOf,
  parseDerivation,
  parseStorePath,
} from '../nix-compat/index.ts';

const folder = new URL('../../test/vectors/derivation/', import.meta.url);

/** A file of test/vectors/derivation. */
export function readDerivationVector(file: string): ByteString {
  return byteStringOf(readFileSync(new URL(file, folder)));
}

/** The texts of the derivations in test/vectors/derivation/store. */
export function derivationTexts(): ReadonlyMap<StorePath, ByteString> {
  const names = readdirSync(new URL('store/', folder));
  return new Map(names.map(name => [parseStorePath(name), readDerivationVector(`store/${name}`)]));
}

export function parseDerivationAt(path: StorePath, text: ByteString): Derivation {
  return parseDerivation(text, { storeDir: defaultStoreDir, name: derivationNameOf(path) });
}

/** The derivations in test/vectors/derivation/store. */
export function derivationVectors(): ReadonlyMap<StorePath, Derivation> {
  return new Map(Array.from(derivationTexts(), ([path, text]) => [path, parseDerivationAt(path, text)]));
}
