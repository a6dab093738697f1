import { create, toBinary } from '@bufbuild/protobuf';
import { type Digest, digestOf, emptyDigest } from '../../castore/index.ts';
import type { StoreDir } from '../../nix-compat/index.ts';
import { ActionSchema, CommandSchema } from '../../proto/index.ts';
import { messageOfOwnDigest } from '../digests/own-digest.ts';

/** What an entry is of: a store path by its hash part, an output of a derivation by its id, a build log by its derivation. */
export type EntryKind = 'path' | 'realisation' | 'build-log';

/** The action whose result is an entry (docs/formats/reapi-store.md). Nobody is meant to execute it. */
export interface EntryKey {
  readonly action: Digest;
  /** The messages themselves, which go into the cache beside the result. */
  readonly messages: readonly Uint8Array[];
}

/** Where a path is among the outputs of its action. */
export const outputPath = 'out';

export function entryKey(kind: EntryKind, storeDir: StoreDir, key: string): EntryKey {
  const command = toBinary(
    CommandSchema,
    create(CommandSchema, {
      arguments: ['nix-store-entry', '1', kind, storeDir, key],
      outputPaths: kind === 'path' ? [outputPath] : [],
    }),
  );
  const action = toBinary(
    ActionSchema,
    create(ActionSchema, {
      commandDigest: messageOfOwnDigest(digestOf(command)),
      // A directory without entries is a message without bytes.
      inputRootDigest: messageOfOwnDigest(emptyDigest),
    }),
  );
  return { action: digestOf(action), messages: [command, action] };
}
