import { type ByteString, brandAs } from '../../base/index.ts';
import { setInByteOrder } from '../byte-order.ts';
import { NixCompatError } from '../error.ts';
import { formatHash } from '../hash/hash-format.ts';
import type { NixHash } from '../hash/hash.ts';
import { type JsonValue, jsonObject } from '../json/json-value.ts';
import { type ContentAddress, formatContentAddress } from '../store-path/content-address.ts';
import { type StoreDir, printStorePath } from '../store-path/store-dir.ts';
import { type StorePath, compareStorePaths } from '../store-path/store-path.ts';

/** What the description of a closure tells of each store object in it. */
export interface ClosureMember {
  readonly path: StorePath;
  readonly narHash: NixHash;
  /** In bytes. */
  readonly narSize: number;
  readonly references: readonly StorePath[];
  readonly contentAddress?: ContentAddress | undefined;
}

/**
 * What a builder with structured attributes finds in place of an entry of `exportReferencesGraph`: the members of a
 * closure, each with the size of its own closure. Throws `registration/not-closed` when a reference is not a member.
 */
export function closureToJson(storeDir: StoreDir, closure: Iterable<ClosureMember>): JsonValue {
  const members = new Map<StorePath, ClosureMember>();
  for (const member of closure) members.set(member.path, member);
  return Array.from(members.values())
    .toSorted((a, b) => compareStorePaths(a.path, b.path))
    .map(member =>
      jsonObject({
        path: printStorePath(storeDir, member.path),
        valid: true,
        narHash: brandAs<ByteString>(formatHash(member.narHash, 'nix32', { prefix: true })),
        narSize: BigInt(member.narSize),
        references: setInByteOrder(member.references).map(path => printStorePath(storeDir, path)),
        ca:
          member.contentAddress === undefined
            ? undefined
            : brandAs<ByteString>(formatContentAddress(member.contentAddress)),
        closureSize: BigInt(closureSize(member, members)),
      }),
    );
}

function closureSize(root: ClosureMember, members: ReadonlyMap<StorePath, ClosureMember>): number {
  const seen = new Set([root.path]);
  let size = 0;
  // A set may grow while it is iterated: what is added is visited too.
  for (const path of seen) {
    const member = members.get(path);
    if (member === undefined) {
      const message = `store path '${path}' is referred to by a closure that lacks it`;
      throw new NixCompatError('registration/not-closed', message);
    }
    size += member.narSize;
    for (const reference of member.references) seen.add(reference);
  }
  return size;
}
