import { createReadStream } from 'node:fs';
import { type Reporter, bytesOf } from '../../../base/index.ts';
import {
  type BlobUpload,
  type Digest,
  type DiskBlobBatch,
  type Node,
  type ReceivedBlob,
  importTar,
  importTree,
} from '../../../castore/index.ts';
import type { Mirrors } from '../../../engine/index.ts';
import { GrpcStatus } from '../../../grpc/index.ts';
import { type ReadableSettings, parseStorePath, parseStorePathIn } from '../../../nix-compat/index.ts';
import { type DownloadAccess, type LocalStore, decompress, openDownload } from '../../../store/index.ts';
import type { AssetSelection } from './asset-request.ts';
import type { AssetKind } from './asset-table.ts';
import { type Checksum, ChecksumVerifier } from './checksum.ts';
import { fetchGitTree, isGitAsset } from './git-asset.ts';

export interface AssetSourcesOptions {
  readonly store: LocalStore;
  readonly settings: ReadableSettings;
  readonly mirrors: Mirrors;
  /** Of clones of repositories. */
  readonly cacheFolder: string;
  readonly reporter: Reporter;
  /** Bytes of one file that is downloaded, and of all files of one archive. */
  readonly maxSize: number;
  /** Whether this machine itself and what is on its links may be asked. */
  readonly allowsNearby: boolean;
}

export interface AssetPlace {
  readonly uri: string;
  readonly selection: AssetSelection;
  readonly headers: Readonly<Record<string, string>>;
}

/** An asset that is on this machine now and can be added without waiting for others. */
export interface PreparedAsset extends AsyncDisposable {
  /** One of those that were asked for, which the bytes were found to have. */
  readonly checksum: Checksum | undefined;
  /** Of the blob, or of the directory in our own form. */
  add(batch: DiskBlobBatch, signal: AbortSignal): Promise<Digest>;
}

/** Where assets come from: servers, mirrors, git repositories and the store itself. */
export class AssetSources {
  readonly #options: AssetSourcesOptions;

  constructor(options: AssetSourcesOptions) {
    this.#options = options;
  }

  /** Gets an asset to this machine. Throws `GrpcStatus`, and what downloading throws. */
  async prepare(kind: AssetKind, place: AssetPlace, signal: AbortSignal): Promise<PreparedAsset> {
    const { uri, selection } = place;
    if (uri.startsWith('nix:')) return present(digestOfNode(await this.#storePath(uri), kind, uri));
    if (kind === 'blob') return this.#firstOf(place, signal, download => downloadedBlob(download));
    if (isGitAsset(uri, selection)) return this.#gitTree(place, signal);
    if (/\.zip$/i.test(URL.parse(uri)?.pathname ?? '')) {
      throw new GrpcStatus('unimplemented', `${uri}: only archives of tar's are unpacked, not zip`);
    }
    return this.#firstOf(place, signal, download => downloadedArchive(download, uri, this.#options.maxSize));
  }

  async #gitTree(place: AssetPlace, signal: AbortSignal): Promise<PreparedAsset> {
    const { uri, selection } = place;
    if (selection.checksums.length > 0) {
      throw new GrpcStatus('invalidArgument', `a repository has no checksum: name a commit ('vcs.commit') of ${uri}`);
    }
    const folder = await fetchGitTree(place, { ...this.#options, signal });
    return {
      checksum: undefined,
      add: async (batch, adding) => {
        return digestOfNode(await importTree(bytesOf(folder), batch, { signal: adding }), 'directory', uri);
      },
      [Symbol.asyncDispose]: nothingToDispose,
    };
  }

  /** One place of a URI after the other, until one is good. */
  async #firstOf(
    place: AssetPlace,
    signal: AbortSignal,
    prepared: (download: Download) => PreparedAsset,
  ): Promise<PreparedAsset> {
    let failure: { readonly error: unknown } | undefined;
    for (const { url, access } of await this.#urlsOf(place)) {
      try {
        return prepared(await this.#download(url, { access, place, signal }));
      } catch (error) {
        signal.throwIfAborted();
        failure = { error };
      }
    }
    throw failure?.error ?? new GrpcStatus('notFound', `nothing is known of ${place.uri}`);
  }

  async #urlsOf({
    uri,
    headers,
  }: AssetPlace): Promise<readonly { readonly url: URL; readonly access: DownloadAccess }[]> {
    const { mirrors, allowsNearby } = this.#options;
    if (uri.startsWith('mirror:')) {
      // Mirrors are where this machine's owner has them.
      return (await mirrors.places(uri)).map(({ url, access = {} }) => ({ url, access }));
    }
    const url = URL.parse(uri);
    if (url === null || (url.protocol !== 'http:' && url.protocol !== 'https:')) {
      const message = `'${uri.slice(0, 300)}' is nothing that is fetched: http(s)://, git+https://, mirror://NAME/ or nix:STORE-PATH`;
      throw new GrpcStatus('invalidArgument', message);
    }
    return [{ url, access: { headers: { ...credentialsOf(url), ...headers }, isDistant: !allowsNearby } }];
  }

  /** Into a file of its own: collections of garbage do not wait for servers. */
  async #download(
    url: URL,
    {
      access,
      place,
      signal,
    }: { readonly access: DownloadAccess; readonly place: AssetPlace; readonly signal: AbortSignal },
  ): Promise<Download> {
    const { store, settings, reporter, maxSize } = this.#options;
    const { uri, selection } = place;
    await using stack = new AsyncDisposableStack();
    const upload = stack.use(store.blobs.upload());
    const verifier = new ChecksumVerifier(selection.checksums);
    for await (const chunk of await openDownload(url, { settings, reporter, signal, access })) {
      if (upload.size + chunk.byteLength > maxSize) {
        const message = `${uri} has more than ${maxSize} bytes, which is the limit of this server`;
        throw new GrpcStatus('resourceExhausted', message);
      }
      verifier.update(chunk);
      await upload.append(chunk);
    }
    const checksum = verifier.finish(uri);
    stack.move();
    return { upload, received: await upload.finish(), checksum };
  }

  /** The tree of a valid store path: `nix:/nix/store/HASH-NAME` or `nix:HASH-NAME`. */
  async #storePath(uri: string): Promise<Node> {
    const { store } = this.#options;
    const text = uri.slice('nix:'.length);
    const path = text.startsWith('/') ? parseStorePathIn(store.storeDir, text) : parseStorePath(text);
    if ((await store.pathInfo(path)) !== undefined) return store.rootOf(path);
    throw new GrpcStatus('notFound', `the store path '${text.slice(0, 300)}' is not valid here`);
  }
}

interface Download {
  readonly upload: BlobUpload;
  readonly received: ReceivedBlob;
  readonly checksum: Checksum | undefined;
}

const nothingToDispose = () => Promise.resolve();

function present(digest: Digest): PreparedAsset {
  return { checksum: undefined, add: () => Promise.resolve(digest), [Symbol.asyncDispose]: nothingToDispose };
}

function downloadedBlob({ upload, received, checksum }: Download): PreparedAsset {
  return {
    checksum,
    add: (batch, signal) => batch.putReceived(received, { signal }),
    [Symbol.asyncDispose]: () => upload[Symbol.asyncDispose](),
  };
}

function downloadedArchive({ upload, received, checksum }: Download, uri: string, maxSize: number): PreparedAsset {
  return {
    checksum,
    add: async (batch, signal) => {
      const limits = { totalSize: maxSize, fileSize: maxSize };
      const archive = decompress(readReceived(received), undefined, { signal });
      const { root } = await importTar(archive, batch, { signal, limits });
      return digestOfNode(root, 'directory', uri);
    },
    [Symbol.asyncDispose]: () => upload[Symbol.asyncDispose](),
  };
}

async function* readReceived({ data, temporary }: ReceivedBlob): AsyncGenerator<Uint8Array, void> {
  if (data !== undefined) yield data;
  if (temporary === undefined) return;
  for await (const chunk of createReadStream(temporary)) if (chunk instanceof Uint8Array) yield chunk;
}

function digestOfNode(root: Node, kind: AssetKind, uri: string): Digest {
  if (kind === 'blob' && root.kind === 'file') return root.digest;
  if (kind === 'directory' && root.kind === 'directory') return root.digest;
  const wanted = kind === 'blob' ? 'file' : 'directory';
  throw new GrpcStatus('failedPrecondition', `${uri} is a ${root.kind}, no ${wanted}`);
}

/** The header of a user and a password that are in a URL. */
function credentialsOf(url: URL): Record<string, string> {
  if (url.username === '') return {};
  const text = `${decodeURIComponent(url.username)}:${decodeURIComponent(url.password)}`;
  return { authorization: `Basic ${Buffer.from(text).toString('base64')}` };
}
