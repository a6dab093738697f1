import { readFileSync, readdirSync } from 'node:fs';
import * as fc from 'fast-check';
import { byteStringFromText } from '../../../src/base/index.ts';
import {
  type ContentAddress,
  type NarInfo,
  type NixHash,
  type Realisation,
  type Signature,
  contentAddressMethods,
  defaultStoreDir,
  hashAlgorithms,
  hashSize,
  makeHash,
  parseStorePath,
  sortSignatures,
} from '../../../src/nix-compat/index.ts';
import { outputNames, storePaths } from '../../../src/testing/index.ts';

export const storeDir = defaultStoreDir;

/** Always the same values. */
export function samples<T>(arbitrary: fc.Arbitrary<T>, count = 12): T[] {
  return fc.sample(arbitrary, { seed: 5, numRuns: count });
}

/** Files below test/vectors whose path matches, none if there are none. */
export function vectorFiles(pattern: RegExp): Buffer[] {
  const root = new URL('../../vectors/', import.meta.url);
  const names = readdirSync(root, { recursive: true, encoding: 'utf8' }).filter(
    name => pattern.test(name) && !name.startsWith('fuzz/'),
  );
  return names.toSorted().map(name => readFileSync(new URL(name, root)));
}

export const hashes: fc.Arbitrary<NixHash> = fc
  .constantFrom(...hashAlgorithms)
  .chain(algorithm =>
    fc
      .uint8Array({ minLength: hashSize(algorithm), maxLength: hashSize(algorithm) })
      .map(digest => makeHash(algorithm, digest)),
  );

const sha256s = fc.uint8Array({ minLength: 32, maxLength: 32 }).map(digest => makeHash('sha256', digest));

export const contentAddresses: fc.Arbitrary<ContentAddress> = fc
  .tuple(fc.constantFrom(...contentAddressMethods), hashes)
  .map(([method, hash]) => ({ method, hash }));

export const signatures: fc.Arbitrary<Signature> = fc
  .tuple(fc.constantFrom('cache.nixos.org-1', 'a', 'key-2'), fc.uint8Array({ minLength: 64, maxLength: 64 }))
  .map(([keyName, bytes]) => ({ keyName, bytes }));

const sizes = fc.oneof(fc.integer({ min: 1, max: 100_000 }), fc.integer({ min: 1, max: Number.MAX_SAFE_INTEGER }));
const sets = (max: number) => fc.uniqueArray(storePaths, { maxLength: max }).map(paths => paths.toSorted());

export const narInfos: fc.Arbitrary<NarInfo> = fc.record(
  {
    path: storePaths,
    url: fc
      .constantFrom('nar/x.nar.xz', 'nar/1w1fff338fvdw53sqgamddn1b2xgds473pv6y13gizdbqjv4i5p3.nar')
      .map(byteStringFromText),
    compression: fc.constantFrom('none', 'xz', 'zstd').map(byteStringFromText),
    fileHash: fc.option(sha256s, { nil: undefined }),
    fileSize: sizes,
    narHash: sha256s,
    narSize: sizes,
    references: sets(4),
    deriver: fc.option(
      storePaths.map(path => parseStorePath(`${path}.drv`)),
      { nil: undefined },
    ),
    signatures: fc.array(signatures, { maxLength: 2 }).map(sortSignatures),
    contentAddress: fc.option(contentAddresses, { nil: undefined }),
    registrationTime: fc.integer({ min: 1, max: 2 ** 31 }),
    ultimate: fc.boolean(),
  },
  { noNullPrototype: true },
);

export const realisations: fc.Arbitrary<Realisation> = fc.record(
  {
    id: fc.record({ derivationHash: sha256s, output: outputNames }, { noNullPrototype: true }),
    path: storePaths,
    signatures: fc.array(signatures, { maxLength: 2 }).map(sortSignatures),
  },
  { noNullPrototype: true },
);
