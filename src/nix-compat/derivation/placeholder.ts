import { type ByteString, brandAs, bytesOf } from '../../base/index.ts';
import { hashBytes } from '../hash/hasher.ts';
import { type NixHash, compressHash } from '../hash/hash.ts';
import { encodeNix32 } from '../hash/nix32.ts';
import { outputPathName } from '../store-path/make-store-path.ts';
import { type StorePath, storePathHashPart } from '../store-path/store-path.ts';
import { derivationNameOf } from './derivation-path.ts';
import type { OutputName } from './derivation.ts';
import { type BuiltPath, unrollDerivingPath } from './deriving-path.ts';

/** What a derivation writes for the path of its own output `output`, which its hash must not depend on. */
export function outputPlaceholder(output: OutputName): ByteString {
  return render(hash(`nix-output:${output}`));
}

/** Stands in a derivation for the path of a store object that is not known before it is built. */
export interface DownstreamPlaceholder {
  readonly hash: NixHash;
}

export function formatPlaceholder(placeholder: DownstreamPlaceholder): ByteString {
  return render(placeholder.hash);
}

/** For an output of a derivation that is there. Throws `store-path/not-derivation`. */
export function placeholderOfOutput(derivation: StorePath, output: OutputName): DownstreamPlaceholder {
  const name = outputPathName(derivationNameOf(derivation), output);
  return { hash: hash(`nix-upstream-output:${storePathHashPart(derivation)}:${name}`) };
}

/** For an output of a derivation that `derivation` in turn stands for. */
export function placeholderOfUnknown(derivation: DownstreamPlaceholder, output: OutputName): DownstreamPlaceholder {
  const inner = encodeNix32(compressHash(derivation.hash, 20).digest);
  return { hash: hash(`nix-computed-output:${inner}:${output}`) };
}

/** For what `path` stands for. Throws `store-path/not-derivation`. */
export function placeholderOf(path: BuiltPath): DownstreamPlaceholder {
  const { base, outputs } = unrollDerivingPath(path.derivation);
  const [first, ...others] = [...outputs, path.output];
  let placeholder = placeholderOfOutput(base, first ?? path.output);
  for (const output of others) placeholder = placeholderOfUnknown(placeholder, output);
  return placeholder;
}

function hash(clearText: string): NixHash {
  return hashBytes('sha256', bytesOf(brandAs<ByteString>(clearText)));
}

function render(of: NixHash): ByteString {
  return brandAs<ByteString>(`/${encodeNix32(of.digest)}`);
}
