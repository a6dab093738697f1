import { byteStringFromText } from '../../base/index.ts';
import {
  type CallOptions,
  type Digest,
  type DigestFunction,
  type DiskBlobStore,
  type Node,
  importForeignDirectory,
  importGitDirectory,
  importTreeMessage,
} from '../../castore/index.ts';
import type { ActionResult, OutputDirectory } from '../../proto/index.ts';
import { digestOfMessage } from '../digests/digest-message.ts';
import { ReapiError } from '../error.ts';
import { foreignStoreOf } from './resolve-blobs.ts';

export interface OutputPlace extends CallOptions {
  readonly result: ActionResult;
  /** Of the digests in it. */
  readonly digestFunction: DigestFunction;
  /** As the result writes it. */
  readonly path: string;
}

/** The output of an action as a node of ours; undefined if it has none of that path. Throws `blobs/missing`. */
export async function outputNode(store: DiskBlobStore, place: OutputPlace): Promise<Node | undefined> {
  const { result, digestFunction, path } = place;
  const isIt = (output: { readonly path: string }) => output.path === path;
  const file = result.outputFiles.find(isIt);
  if (file !== undefined) {
    const named = digestOfMessage(file.digest, digestFunction, `the digest of the output '${path}'`);
    const [digest] = await store.blobAliases.find([named]);
    if (digest === undefined) throw absent(path);
    return { kind: 'file', digest, executable: file.isExecutable };
  }
  const links = [result.outputSymlinks, result.outputFileSymlinks, result.outputDirectorySymlinks];
  const symlink = links.flat().find(isIt);
  if (symlink !== undefined) return { kind: 'symlink', target: byteStringFromText(symlink.target) };
  const directory = result.outputDirectories.find(isIt);
  return directory && { kind: 'directory', digest: await directoryOf(store, directory, place) };
}

async function directoryOf(
  store: DiskBlobStore,
  { rootDirectoryDigest, treeDigest }: OutputDirectory,
  { digestFunction, path, signal }: OutputPlace,
): Promise<Digest> {
  const foreign = foreignStoreOf(store);
  const what = `the digest of the output '${path}'`;
  if (rootDirectoryDigest !== undefined)
    return importForeignDirectory(digestOfMessage(rootDirectoryDigest, digestFunction, what), foreign, { signal });
  const named = digestOfMessage(treeDigest, digestFunction, what);
  if (named.function === 'gittree') return (await importGitDirectory(named, foreign, { signal })).directory;
  const [digest] = await store.blobAliases.find([named]);
  const bytes = digest && (await store.get(digest, { signal, limit: 2 ** 28 }));
  if (bytes === undefined) throw absent(path);
  return importTreeMessage({ bytes, digestFunction }, foreign, { signal });
}

function absent(path: string): ReapiError {
  return new ReapiError('blobs/missing', `the output '${path}' is not in the store any more`);
}
