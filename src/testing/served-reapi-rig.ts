import { randomUUID } from 'node:crypto';
import { join } from 'node:path';
import { create } from '@bufbuild/protobuf';
import { type DigestFunction, DiskBlobStore, type ForeignDigest, Leases, foreignDigestOf } from '../castore/index.ts';
import { GrpcClient, GrpcServer, type Route } from '../grpc/index.ts';
import {
  DigestSchema,
  WriteRequestSchema,
  byteStreamMethods,
  contentAddressableStorageMethods,
} from '../proto/index.ts';
import { formatBlobResource, formatUploadResource, messageOfDigest } from '../reapi/index.ts';
import {
  Access,
  type AccessRules,
  type ReapiPlace,
  ServedBlobs,
  type ServedFeatures,
  blobServices,
  defaultReapiLimits,
  statusOfError,
} from '../server/index.ts';
import { temporaryFolder } from './temporary-folder.ts';

export interface ServedReapiRigOptions {
  readonly rules?: Partial<AccessRules>;
  readonly limits?: Partial<ReapiPlace['limits']>;
  readonly features?: ServedFeatures;
  /** Services beside those of blobs. */
  readonly more?: (place: ReapiPlace) => readonly Route[];
}

const everything: AccessRules = {
  instances: ['', 'main'],
  anonymous: { instances: '*', rights: ['read', 'write', 'execute', 'admin'] },
  tokens: [],
  certificates: [],
};

/** A server of REAPI's blobs over a store of its own, and a client of it. */
export class ServedReapiRig implements AsyncDisposable {
  readonly client: GrpcClient;
  readonly place: ReapiPlace;
  readonly server: GrpcServer;
  readonly path: string;
  readonly #owned: AsyncDisposableStack;

  private constructor(
    parts: Pick<ServedReapiRig, 'client' | 'place' | 'server' | 'path'>,
    owned: AsyncDisposableStack,
  ) {
    this.client = parts.client;
    this.place = parts.place;
    this.server = parts.server;
    this.path = parts.path;
    this.#owned = owned;
  }

  static async open(options: ServedReapiRigOptions = {}): Promise<ServedReapiRig> {
    await using owned = new AsyncDisposableStack();
    const folder = owned.use(temporaryFolder());
    const store = owned.use(new DiskBlobStore(join(folder.path, 'data')));
    const leases = owned.use(new Leases(store.folder, { duration: 3600 }));
    const place: ReapiPlace = {
      blobs: new ServedBlobs(store, leases),
      access: new Access({ ...everything, ...options.rules }),
      limits: { ...defaultReapiLimits, ...options.limits },
    };
    const services = owned.use(blobServices(place, options.features ?? { execution: undefined, actionCache: false }));
    const routes = [...services.routes, ...(options.more?.(place) ?? [])];
    const server = owned.use(new GrpcServer(routes, { statusOf: statusOfError }));
    const path = join(folder.path, 'socket');
    await server.listen({ transport: 'unix', path });
    const client = owned.use(new GrpcClient({ transport: 'unix', path }));
    return new ServedReapiRig({ client, place, server, path }, owned.move());
  }

  get store(): DiskBlobStore {
    return this.place.blobs.store;
  }

  /** Uploads a blob by ByteStream, in pieces of `pieceSize` bytes. */
  async write(
    bytes: Uint8Array,
    digestFunction: DigestFunction = 'sha256',
    pieceSize = 64 * 1024,
  ): Promise<ForeignDigest> {
    const digest = foreignDigestOf(bytes, digestFunction);
    const resourceName = formatUploadResource({
      instance: '',
      uploadId: randomUUID(),
      digest: servedDigest(digest),
      compressor: 'identity',
    });
    await this.client.clientStreaming(byteStreamMethods.write, writeRequests(bytes, { resourceName, pieceSize }));
    return digest;
  }

  /** Downloads a blob by ByteStream. */
  async read(digest: ForeignDigest, more: { readonly offset?: number; readonly limit?: number } = {}): Promise<Buffer> {
    const resourceName = formatBlobResource({ instance: '', digest: servedDigest(digest), compressor: 'identity' });
    const responses = this.client.serverStreaming(byteStreamMethods.read, {
      $typeName: 'google.bytestream.ReadRequest',
      resourceName,
      readOffset: BigInt(more.offset ?? 0),
      readLimit: BigInt(more.limit ?? 0),
    });
    const chunks: Uint8Array[] = [];
    for await (const { data } of responses) chunks.push(data);
    return Buffer.concat(chunks);
  }

  /** Hashes of those that are absent. */
  async missing(digests: readonly ForeignDigest[]): Promise<string[]> {
    const response = await this.client.unary(contentAddressableStorageMethods.findMissingBlobs, {
      $typeName: 'build.bazel.remote.execution.v2.FindMissingBlobsRequest',
      instanceName: '',
      blobDigests: digests.map(digest => create(DigestSchema, messageOfDigest(digest))),
      digestFunction: digests[0]?.function === 'blake3' ? 9 : 0,
    });
    return response.missingBlobDigests.map(({ hash }) => hash);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#owned[Symbol.asyncDispose]();
  }
}

/** The messages of an upload. */
export function* writeRequests(
  bytes: Uint8Array,
  options: {
    readonly resourceName: string;
    readonly pieceSize?: number;
    readonly offset?: number;
    readonly finish?: boolean;
  },
) {
  const { resourceName, pieceSize = 64 * 1024, offset = 0, finish = true } = options;
  for (let at = 0; at === 0 || at < bytes.byteLength; at += pieceSize) {
    yield create(WriteRequestSchema, {
      resourceName: at === 0 ? resourceName : '',
      writeOffset: BigInt(offset + at),
      data: bytes.subarray(at, at + pieceSize),
      finishWrite: finish && at + pieceSize >= bytes.byteLength,
    });
  }
}

/** A digest of a function that REAPI has. */
export function servedDigest(digest: ForeignDigest) {
  if (digest.function === 'md5') throw new TypeError('MD5 is not served');
  return { ...digest, function: digest.function };
}
