import * as fc from 'fast-check';
import { type ByteString, byteStringFromLatin1 } from '../base/index.ts';
import { type Digest, type Directory, type Node, isEntryName, sha256FromBytes } from '../castore/index.ts';

/** Any bytes but NUL, at least one. */
export const byteStrings: fc.Arbitrary<ByteString> = fc
  .string({
    unit: fc.integer({ min: 1, max: 255 }).map(code => String.fromCharCode(code)),
    minLength: 1,
    maxLength: 300,
  })
  .map(byteStringFromLatin1);

export const entryNames: fc.Arbitrary<ByteString> = byteStrings.filter(isEntryName);

export const digests: fc.Arbitrary<Digest> = fc.record(
  {
    hash: fc.uint8Array({ minLength: 32, maxLength: 32 }).map(sha256FromBytes),
    size: fc.oneof(fc.nat(300), fc.maxSafeNat()),
  },
  { noNullPrototype: true },
);

export const nodes: fc.Arbitrary<Node> = fc.oneof(
  fc.record(
    { kind: fc.constant('file' as const), digest: digests, executable: fc.boolean() },
    { noNullPrototype: true },
  ),
  fc.record({ kind: fc.constant('directory' as const), digest: digests }, { noNullPrototype: true }),
  fc.record({ kind: fc.constant('symlink' as const), target: byteStrings }, { noNullPrototype: true }),
);

/** Directories of up to 20 entries whose digests name nothing. */
export const directories: fc.Arbitrary<Directory> = fc
  .uniqueArray(fc.record({ name: entryNames, node: nodes }, { noNullPrototype: true }), {
    selector: entry => entry.name,
    maxLength: 20,
  })
  .map(entries => ({ entries: entries.toSorted((a, b) => (a.name < b.name ? -1 : 1)) }));
