import { chmodSync, chownSync, constants, copyFileSync, lutimesSync, renameSync } from 'node:fs';
import { timestampMs } from '@bufbuild/protobuf/wkt';
import {
  type DiskBlobStore,
  type ForeignDigest,
  decodeForeignDirectory,
  formatForeignDigest,
  maxDirectorySize,
} from '../../castore/index.ts';
import type { UserIds } from '../../exec/index.ts';
import { type Directory, DirectorySchema, type NodeProperties, messageCodec } from '../../proto/index.ts';

const directoryCodec = messageCodec(DirectorySchema);

export interface PropertiesPlace {
  /** Where the input root was made. */
  readonly path: string;
  readonly owner: UserIds | undefined;
  readonly signal: AbortSignal | undefined;
}

/**
 * Gives what an input root has been made of the times and modes that its messages say: our own directories have none. A file
 * that is a link of a blob becomes a copy before.
 */
export async function applyNodeProperties(
  store: DiskBlobStore,
  root: ForeignDigest,
  place: PropertiesPlace,
): Promise<void> {
  // Directories that are as we would write them have no properties; whether all below one are is asked once.
  const plain = new Set<string>();
  await visit(root, place.path);

  /** Whether there is none in it or below. */
  async function visit(digest: ForeignDigest, path: string): Promise<boolean> {
    const key = formatForeignDigest(digest);
    if (plain.has(key)) return true;
    place.signal?.throwIfAborted();
    const bytes = await read(store, digest);
    const { entries, canonical } = decodeForeignDirectory(bytes, digest.function);
    const message = canonical ? undefined : directoryCodec.decode(bytes);
    let isPlain = message === undefined || !applyTo(message, path, place);
    for (const { name, node } of entries) {
      if (node.kind !== 'directory') continue;
      const child = { ...node.digest, function: digest.function };
      if (!(await visit(child, `${path}/${Buffer.from(name, 'latin1').toString()}`))) isPlain = false;
    }
    // After what is in it was written, which changes its time.
    if (message?.nodeProperties !== undefined) setTimeAndMode(path, message.nodeProperties);
    if (isPlain) plain.add(key);
    return isPlain;
  }
}

async function read(store: DiskBlobStore, digest: ForeignDigest): Promise<Uint8Array> {
  const [own] = await store.blobAliases.find([digest]);
  const bytes = own && (await store.get(own, { limit: maxDirectorySize }));
  if (bytes === undefined) throw new TypeError('a directory is gone that was there');
  return bytes;
}

/** Whether there was something to apply. */
function applyTo({ files, symlinks, nodeProperties }: Directory, folder: string, place: PropertiesPlace): boolean {
  let hasProperties = nodeProperties !== undefined;
  for (const { name, nodeProperties: properties, isExecutable } of files) {
    if (properties === undefined) continue;
    hasProperties = true;
    const path = `${folder}/${name}`;
    becomeCopy(path, isExecutable, place);
    setTimeAndMode(path, properties);
  }
  for (const { name, nodeProperties: properties } of symlinks) {
    if (properties?.mtime === undefined) continue;
    hasProperties = true;
    const time = timestampMs(properties.mtime) / 1000;
    lutimesSync(`${folder}/${name}`, time, time);
  }
  return hasProperties;
}

function becomeCopy(path: string, isExecutable: boolean, { path: root, owner }: PropertiesPlace): void {
  // Beside the root, where no file of the action has a name.
  const copy = `${root}.copy`;
  copyFileSync(path, copy, constants.COPYFILE_EXCL | constants.COPYFILE_FICLONE);
  chmodSync(copy, isExecutable ? 0o755 : 0o644);
  if (owner !== undefined) chownSync(copy, owner.user, owner.group);
  renameSync(copy, path);
}

function setTimeAndMode(path: string, { mtime, unixMode }: NodeProperties): void {
  if (unixMode !== undefined) chmodSync(path, unixMode & 0o777);
  if (mtime === undefined) return;
  const time = timestampMs(mtime) / 1000;
  lutimesSync(path, time, time);
}
