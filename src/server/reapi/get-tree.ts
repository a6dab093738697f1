import { textOf } from '../../base/index.ts';
import {
  CastoreError,
  type ForeignDigest,
  decodeForeignDirectory,
  formatForeignDigest,
  maxDirectorySize,
} from '../../castore/index.ts';
import { type Codec, GrpcStatus, type Route, type ServerStreamingMethod, serverStreaming } from '../../grpc/index.ts';
import { type GetTreeRequest, contentAddressableStorageMethods } from '../../proto/index.ts';
import type { ReapiPlace } from './reapi-place.ts';
import { requestedDigest } from './requested-digests.ts';
import type { ServedBlobs } from './served-blobs.ts';

/** A `GetTreeResponse` whose directories are messages as they are stored. */
interface TreePage {
  readonly directories: readonly Uint8Array[];
  readonly nextPageToken: string;
}

/** Directories in one response, and their bytes, unless a client wants fewer. */
const maxPageCount = 1000;
const maxPageBytes = 1024 * 1024;

/** Of one tree; the limit bounds what is remembered of it. */
const maxDirectories = 1_000_000;

const getTree: ServerStreamingMethod<GetTreeRequest, TreePage> = {
  path: contentAddressableStorageMethods.getTree.path,
  kind: 'server-streaming',
  request: contentAddressableStorageMethods.getTree.request,
  response: treePageCodec(),
};

/**
 * All directories below a root, each once, the root first. A part that is absent is left out, as REAPI has it. Without a
 * page size all of it is sent; a token says how many directories came before.
 */
export function getTreeRoute({ access, blobs }: ReapiPlace): Route {
  return serverStreaming(getTree, async function* (request, call) {
    access.require(call, request.instanceName, 'read');
    const root = requestedDigest(request.rootDigest, request.digestFunction, 'the root digest');
    const skip = parseToken(request.pageToken);
    if (request.pageSize < 0) throw new GrpcStatus('invalidArgument', `a page of ${request.pageSize} directories`);
    const pageCount = request.pageSize === 0 ? maxPageCount : Math.min(maxPageCount, request.pageSize);
    let page: Uint8Array[] = [];
    let bytes = 0;
    let count = 0;
    for await (const directory of walkDirectories(root, blobs, call.signal)) {
      if (count++ < skip) continue;
      const isFull = page.length >= pageCount || (page.length > 0 && bytes + directory.byteLength > maxPageBytes);
      if (isFull) {
        yield { directories: page, nextPageToken: String(count - 1) };
        if (request.pageSize > 0) return;
        page = [];
        bytes = 0;
      }
      page.push(directory);
      bytes += directory.byteLength;
    }
    yield { directories: page, nextPageToken: '' };
  });
}

async function* walkDirectories(
  root: ForeignDigest,
  blobs: ServedBlobs,
  signal: AbortSignal,
): AsyncGenerator<Uint8Array, void> {
  const seen = new Set([formatForeignDigest(root)]);
  // Level by level: a tree of any depth needs no stack.
  let level: readonly ForeignDigest[] = [root];
  let isRoot = true;
  while (level.length > 0) {
    const next: ForeignDigest[] = [];
    for (const digest of level) {
      const bytes = await blobs.get(digest, { limit: maxDirectorySize, signal });
      if (bytes === undefined) {
        if (isRoot) throw new GrpcStatus('notFound', `the tree's root ${formatForeignDigest(digest)} is absent`);
        continue;
      }
      isRoot = false;
      for (const { name, node } of decodeForeignDirectory(bytes, digest.function).entries) {
        if (textOf(name) === undefined || (node.kind === 'symlink' && textOf(node.target) === undefined)) {
          throw notUtf8(digest);
        }
        if (node.kind !== 'directory') continue;
        const child = { function: digest.function, ...node.digest };
        const key = formatForeignDigest(child);
        if (seen.has(key)) continue;
        if (seen.size >= maxDirectories) {
          throw new CastoreError('tree/too-many-nodes', `the tree has more than ${maxDirectories} directories`);
        }
        seen.add(key);
        next.push(child);
      }
      yield bytes;
    }
    level = next;
  }
}

function notUtf8(digest: ForeignDigest): CastoreError {
  const message = `the directory ${formatForeignDigest(digest)} has a name or target that is no UTF-8, as REAPI needs it`;
  return new CastoreError('directory/not-utf8', message);
}

function parseToken(token: string): number {
  if (token === '') return 0;
  if (!/^[1-9][0-9]{0,8}$/.test(token)) {
    throw new GrpcStatus('invalidArgument', `'${token.slice(0, 80)}' is no page token of this server`);
  }
  return Number(token);
}

function treePageCodec(): Codec<TreePage> {
  return {
    decode: () => {
      throw new TypeError('pages of trees are only sent');
    },
    encode: ({ directories, nextPageToken }) => {
      const pieces: Uint8Array[] = [];
      for (const directory of directories) pieces.push(fieldHead(1, directory.byteLength), directory);
      if (nextPageToken !== '') {
        const token = Buffer.from(nextPageToken);
        pieces.push(fieldHead(2, token.byteLength), token);
      }
      return Buffer.concat(pieces);
    },
  };
}

/** What comes before a field's bytes: its number, that it has bytes, and how many. */
function fieldHead(field: number, length: number): Uint8Array {
  const head = [field * 8 + 2];
  let rest = length;
  for (; rest > 127; rest >>>= 7) head.push((rest & 127) | 128);
  head.push(rest);
  return Uint8Array.from(head);
}
