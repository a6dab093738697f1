import { create } from '@bufbuild/protobuf';
import { Semaphore } from '../../../base/index.ts';
import {
  type Digest,
  type DigestFunction,
  type ForeignDigest,
  aliasBlob,
  exportForeignDirectory,
  formatForeignDigest,
  importForeignDirectory,
  isSha256,
} from '../../../castore/index.ts';
import { GrpcStatus, type Route, type ServerCall, statusCodes, unary } from '../../../grpc/index.ts';
import {
  type DigestFunction_Value,
  FetchBlobResponseSchema,
  type FetchBlobRequest,
  type FetchDirectoryRequest,
  FetchDirectoryResponseSchema,
  PushBlobResponseSchema,
  type PushBlobRequest,
  type PushDirectoryRequest,
  PushDirectoryResponseSchema,
  fetchMethods,
  pushMethods,
} from '../../../proto/index.ts';
import { digestFunctionNumbers, messageOfDigest, requestedFunction } from '../../../reapi/index.ts';
import type { ReapiPlace } from '../reapi-place.ts';
import type { ReapiServices } from '../reapi-services.ts';
import { requestedDigest, requestedDigests } from '../requested-digests.ts';
import { type AssetRequest, millisecondsOf, parseAssetRequest, parseQualifiers } from './asset-request.ts';
import { AssetSources, type AssetSourcesOptions } from './asset-sources.ts';
import { type AssetKind, type AssetName, AssetTable, type KnownAsset } from './asset-table.ts';
import { type Checksum, ChecksumVerifier } from './checksum.ts';
import { holdTree } from './hold-tree.ts';
import { statusOfFetch, toldInResponse } from './status-of-fetch.ts';

export interface AssetOptions extends AssetSourcesOptions {
  /** Milliseconds for which an asset counts as what its URI stands for, where neither a checksum nor the client says more. */
  readonly lifetime: number;
  /** Milliseconds that a fetch may take at most. */
  readonly maxTimeout: number;
}

/** Fetches that run at a time; others wait. */
const fetchesAtOnce = 8;

/** Fetches that wait or run, beyond which more are refused. */
const maxFetches = 1000;

interface Found {
  readonly uri: string;
  readonly digest: Digest;
}

/** `build.bazel.remote.asset.v1.Fetch` and `Push` */
export function assetServices(place: ReapiPlace, options: AssetOptions): ReapiServices {
  const service = new AssetService(place, options);
  return { routes: service.routes, [Symbol.asyncDispose]: () => service[Symbol.asyncDispose]() };
}

class AssetService implements AsyncDisposable {
  readonly routes: readonly Route[];
  readonly #place: ReapiPlace;
  readonly #options: AssetOptions;
  readonly #table: AssetTable;
  readonly #sources: AssetSources;
  readonly #turns = new Semaphore(fetchesAtOnce);
  /** By what is fetched: whoever wants the same waits for the same. They go on when their callers have left. */
  readonly #fetches = new Map<string, Promise<Digest>>();
  readonly #stop = new AbortController();

  constructor(place: ReapiPlace, options: AssetOptions) {
    this.#place = place;
    this.#options = options;
    this.#table = new AssetTable(place.blobs.store);
    this.#sources = new AssetSources(options);
    this.routes = [
      unary(fetchMethods.fetchBlob, (request, call) => this.#fetchBlob(request, call)),
      unary(fetchMethods.fetchDirectory, (request, call) => this.#fetchDirectory(request, call)),
      unary(pushMethods.pushBlob, (request, call) => this.#pushBlob(request, call)),
      unary(pushMethods.pushDirectory, (request, call) => this.#pushDirectory(request, call)),
    ];
  }

  async #fetchBlob(request: FetchBlobRequest, call: ServerCall) {
    const digestFunction = functionOf(request.digestFunction);
    const { status, uri, digest } = await this.#answer('blob', request, call, async found => {
      return this.#nameBlob(found, digestFunction, call.signal);
    });
    const response = create(FetchBlobResponseSchema, { status, uri });
    if (digest === undefined) return response;
    return create(FetchBlobResponseSchema, {
      ...response,
      blobDigest: messageOfDigest(digest),
      digestFunction: digestFunctionNumbers[digestFunction],
    });
  }

  async #fetchDirectory(request: FetchDirectoryRequest, call: ServerCall) {
    const digestFunction = functionOf(request.digestFunction);
    const { blobs } = this.#place;
    const { status, uri, digest } = await this.#answer('directory', request, call, async found => {
      const named = await exportForeignDirectory(found, digestFunction, blobs.foreign, { signal: call.signal });
      await blobs.has(named, call.signal);
      return named;
    });
    const response = create(FetchDirectoryResponseSchema, { status, uri });
    if (digest === undefined) return response;
    return create(FetchDirectoryResponseSchema, {
      ...response,
      rootDirectoryDigest: messageOfDigest(digest),
      digestFunction: digestFunctionNumbers[digestFunction],
    });
  }

  async #answer(
    kind: AssetKind,
    request: FetchBlobRequest | FetchDirectoryRequest,
    call: ServerCall,
    named: (digest: Digest) => Promise<ForeignDigest>,
  ) {
    this.#place.access.require(call, request.instanceName, 'read');
    const asked = parseAssetRequest(request);
    try {
      const { uri, digest } = await this.#find(kind, request.instanceName, asked, call);
      return { status: { code: statusCodes.ok, message: '' }, uri, digest: await named(digest) };
    } catch (error) {
      call.signal.throwIfAborted();
      const { status, uri } = error instanceof FetchFailure ? error : { status: statusOfFetch(error), uri: '' };
      if (status === undefined || !toldInResponse.has(status.code)) throw status ?? error;
      const message = status.message;
      return { status: { code: statusCodes[status.code], message }, uri, digest: undefined };
    }
  }

  async #find(kind: AssetKind, instance: string, asked: AssetRequest, call: ServerCall): Promise<Found> {
    const { selection, uris } = asked;
    const known = await this.#known({ kind, instance, asked }, call.signal);
    if (known !== undefined) return known;
    const requester = { authorization: call.metadata.get('authorization'), peer: call.peer };
    const mayFetch = this.#place.access.has(requester, instance, 'write');
    let failure: FetchFailure | undefined;
    for (const [at, uri] of uris.entries()) {
      try {
        if (!mayFetch && !uri.startsWith('nix:')) {
          throw new GrpcStatus('permissionDenied', `to fetch what is not here yet takes the right to write: ${uri}`);
        }
        const place = { uri, selection, headers: asked.headers(at) };
        const digest = await whileWanted(this.#fetch({ kind, instance, asked }, place), call.signal);
        return { uri, digest };
      } catch (error) {
        call.signal.throwIfAborted();
        const status = statusOfFetch(error);
        if (status === undefined) throw error;
        failure = new FetchFailure(uri, status);
      }
    }
    throw failure ?? new TypeError('an asset without a URI');
  }

  async #known({ kind, instance, asked }: Wanted, signal: AbortSignal): Promise<Found | undefined> {
    const { selection, uris } = asked;
    for (const checksum of selection.checksums) {
      const candidates = this.#table
        .findByChecksum({ instance, kind, selection }, checksum)
        .map(({ digest }) => digest);
      if (kind === 'blob' && selection.canonicalId === '') candidates.push(...this.#blobOf(checksum));
      for (const digest of candidates)
        if (await this.#hold(kind, digest, signal)) return { uri: uris[0] ?? '', digest };
    }
    for (const uri of uris) {
      for (const asset of this.#table.find({ instance, kind, uri, selection })) {
        if (!this.#isAccepted(asset, asked)) continue;
        if (await this.#hold(kind, asset.digest, signal)) return { uri, digest: asset.digest };
      }
    }
    return undefined;
  }

  /** A blob that came otherwise, for what names it already. */
  #blobOf({ function: name, hash }: Checksum): Digest[] {
    if (name !== 'sha256' || !isSha256(hash)) return [];
    const size = this.#place.blobs.store.sizeOf(hash);
    return size === undefined ? [] : [{ hash, size }];
  }

  #isAccepted({ time, expires, origin }: KnownAsset, { selection, oldestAccepted }: AssetRequest): boolean {
    if (expires !== undefined && expires <= Date.now()) return false;
    if (selection.checksums.length > 0) return true;
    if (oldestAccepted !== undefined) return time >= oldestAccepted;
    const isFixed = origin === 'pushed' || selection.commit !== undefined;
    return isFixed || time + this.#options.lifetime > Date.now();
  }

  #hold(kind: AssetKind, digest: Digest, signal: AbortSignal): Promise<boolean> {
    const { blobs } = this.#place;
    return kind === 'blob' ? blobs.has({ function: 'sha256', ...digest }, signal) : holdTree(blobs, digest, signal);
  }

  #fetch(wanted: Wanted, place: Parameters<AssetSources['prepare']>[1]): Promise<Digest> {
    const { kind, instance, asked } = wanted;
    const timeout = Math.min(asked.timeout ?? Infinity, this.#options.maxTimeout);
    const key = JSON.stringify([kind, instance, place, timeout]);
    const running = this.#fetches.get(key);
    if (running !== undefined) return running;
    if (this.#fetches.size >= maxFetches) {
      throw new GrpcStatus('resourceExhausted', `more than ${maxFetches} assets are being fetched`);
    }
    const signal = AbortSignal.any([this.#stop.signal, AbortSignal.timeout(timeout)]);
    const fetching = this.#fetchNow(wanted, place, signal).finally(() => this.#fetches.delete(key));
    // Whoever waited for it may have left.
    fetching.catch(() => {});
    this.#fetches.set(key, fetching);
    return fetching;
  }

  async #fetchNow(
    { kind, instance, asked }: Wanted,
    place: Parameters<AssetSources['prepare']>[1],
    signal: AbortSignal,
  ): Promise<Digest> {
    using _turn = await this.#turns.acquire(signal);
    const { blobs } = this.#place;
    const time = Date.now();
    await using prepared = await this.#sources.prepare(kind, place, signal);
    await using batch = blobs.store.batch();
    const digest = await prepared.add(batch, signal);
    await blobs.commit(batch, [{ foreign: { function: 'sha256', ...digest }, digest }]);
    if (kind === 'directory') await holdTree(blobs, digest, signal);
    const name: AssetName = { instance, kind, uri: place.uri, selection: asked.selection };
    // What the store itself says needs no remembering.
    if (!place.uri.startsWith('nix:')) {
      this.#table.record(name, { digest, time, expires: undefined, origin: 'fetched' }, prepared.checksum);
    }
    return digest;
  }

  async #nameBlob(digest: Digest, digestFunction: DigestFunction, signal: AbortSignal): Promise<ForeignDigest> {
    if (digestFunction === 'sha256') return { function: digestFunction, ...digest };
    const { foreign, store } = this.#place.blobs;
    const [named] = await foreign.blobs.findForeign([digest], digestFunction, { signal });
    if (named !== undefined) return named;
    const alias = await aliasBlob(store, digest, digestFunction, { signal });
    if (alias === undefined) throw new GrpcStatus('aborted', 'the asset was collected while it was hashed');
    await foreign.blobs.record([alias]);
    return alias.foreign;
  }

  async #pushBlob(request: PushBlobRequest, call: ServerCall) {
    const { blobs } = this.#place;
    const { name, foreign } = await this.#pushed('blob', request, request.blobDigest, call);
    const digest = await blobs.ownDigest(foreign, call.signal);
    if (digest === undefined) throw missing(foreign);
    const { checksums } = name('').selection;
    let checksum: Checksum | undefined;
    if (checksums.length > 0) {
      const verifier = new ChecksumVerifier(checksums);
      for await (const chunk of (await blobs.open(foreign, { signal: call.signal })) ?? []) verifier.update(chunk);
      checksum = verifier.finish(formatForeignDigest(foreign));
    }
    this.#recordPushed(request, name, digest, checksum);
    return create(PushBlobResponseSchema);
  }

  async #pushDirectory(request: PushDirectoryRequest, call: ServerCall) {
    const { blobs } = this.#place;
    const { name, foreign } = await this.#pushed('directory', request, request.rootDirectoryDigest, call);
    const digest = await importForeignDirectory(foreign, blobs.foreign, { signal: call.signal });
    if (!(await holdTree(blobs, digest, call.signal))) throw missing(foreign);
    this.#recordPushed(request, name, digest, name('').selection.checksums[0]);
    return create(PushDirectoryResponseSchema);
  }

  /** Checks what all pushes have in common. */
  async #pushed(
    kind: AssetKind,
    request: PushBlobRequest | PushDirectoryRequest,
    message: PushBlobRequest['blobDigest'],
    call: ServerCall,
  ) {
    const { access, blobs } = this.#place;
    access.require(call, request.instanceName, 'write');
    const { selection } = parseQualifiers(request.qualifiers);
    const { uris } = parseAssetRequest({ uris: request.uris, qualifiers: [] });
    const foreign = requestedDigest(message, request.digestFunction, 'the digest of the asset');
    const references = [...request.referencesBlobs, ...request.referencesDirectories];
    const all = [foreign, ...requestedDigests(references, request.digestFunction, 'a reference')];
    const [absent] = await blobs.findMissing(all, call.signal);
    if (absent !== undefined) throw missing(absent);
    const name = (uri: string): AssetName => ({ instance: request.instanceName, kind, uri, selection });
    return { name, foreign, uris };
  }

  #recordPushed(
    { uris, expireAt }: PushBlobRequest | PushDirectoryRequest,
    name: (uri: string) => AssetName,
    digest: Digest,
    checksum: Checksum | undefined,
  ): void {
    const expires = expireAt === undefined ? undefined : millisecondsOf(expireAt);
    const asset: KnownAsset = { digest, time: Date.now(), expires, origin: 'pushed' };
    for (const uri of uris) this.#table.record(name(uri), asset, checksum);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stop.abort(new GrpcStatus('unavailable', 'the server is shutting down'));
    await Promise.allSettled(this.#fetches.values());
  }
}

interface Wanted {
  readonly kind: AssetKind;
  readonly instance: string;
  readonly asked: AssetRequest;
}

/** Why the last URI that was tried gave nothing. */
class FetchFailure extends Error {
  readonly uri: string;
  readonly status: GrpcStatus;

  constructor(uri: string, status: GrpcStatus) {
    super(status.message, { cause: status });
    this.uri = uri;
    this.status = status;
  }
}

function functionOf(number: DigestFunction_Value): keyof typeof digestFunctionNumbers {
  return number === 0 ? 'sha256' : requestedFunction(number, '');
}

function missing(digest: ForeignDigest): GrpcStatus {
  return new GrpcStatus('failedPrecondition', `${formatForeignDigest(digest)} is not here: upload it first`);
}

/** What `work` resolves to, which goes on when its waiter leaves. */
async function whileWanted<T>(work: Promise<T>, signal: AbortSignal): Promise<T> {
  const { promise: left, reject } = Promise.withResolvers<never>();
  const leave = () => reject(signal.reason);
  signal.throwIfAborted();
  signal.addEventListener('abort', leave, { once: true });
  try {
    return await Promise.race([work, left]);
  } finally {
    signal.removeEventListener('abort', leave);
  }
}
