import { create } from '@bufbuild/protobuf';
import { type ForeignDigest, formatForeignDigest } from '../../castore/index.ts';
import { GrpcStatus, type Route, type ServerCall, clientStreaming, serverStreaming, unary } from '../../grpc/index.ts';
import {
  QueryWriteStatusResponseSchema,
  ReadResponseSchema,
  type WriteRequest,
  WriteResponseSchema,
  byteStreamMethods,
} from '../../proto/index.ts';
import { type UploadResource, parseBlobResource, parseUploadResource } from '../../reapi/index.ts';
import type { ReapiPlace } from './reapi-place.ts';
import { type Upload, Uploads } from './uploads.ts';
import { compressChunks, decompressChunks } from './zstd-blobs.ts';

/** `google.bytestream.ByteStream`, as REAPI uses it. Disposed of, it forgets uploads that stopped before their end. */
export class ByteStreamService implements AsyncDisposable {
  readonly routes: readonly Route[];
  readonly #place: ReapiPlace;
  readonly #uploads: Uploads;

  constructor(place: ReapiPlace) {
    this.#place = place;
    this.#uploads = new Uploads(place.blobs.store);
    this.routes = [
      serverStreaming(byteStreamMethods.read, (request, call) => this.#read(request, call)),
      clientStreaming(byteStreamMethods.write, (requests, call) => this.#write(requests, call)),
      unary(byteStreamMethods.queryWriteStatus, ({ resourceName }, call) => this.#query(resourceName, call)),
    ];
  }

  async *#read(
    request: { readonly resourceName: string; readonly readOffset: bigint; readonly readLimit: bigint },
    call: ServerCall,
  ) {
    const { instance, digest: named, compressor } = parseBlobResource(request.resourceName);
    const { access, blobs } = this.#place;
    access.require(call, instance, 'read');
    const digest = await blobs.withSize(named, call.signal);
    const { readOffset, readLimit } = request;
    if (readLimit < 0n) throw new GrpcStatus('invalidArgument', `a read limit of ${readLimit} bytes`);
    if (compressor !== 'identity' && readLimit !== 0n) {
      throw new GrpcStatus('invalidArgument', 'a read limit is not possible for what is compressed');
    }
    const own = await blobs.ownDigest(digest, call.signal);
    if (own === undefined) throw absent(digest);
    if (readOffset < 0n || readOffset > BigInt(own.size)) {
      throw new GrpcStatus('outOfRange', `the offset ${readOffset} is outside of a blob of ${own.size} bytes`);
    }
    const left = own.size - Number(readOffset);
    const length = readLimit === 0n ? left : Math.min(left, Number(readLimit));
    const chunks = await blobs.open(digest, { offset: Number(readOffset), length, signal: call.signal });
    if (chunks === undefined) throw absent(digest);
    for await (const data of compressor === 'zstd' ? compressChunks(chunks) : chunks) {
      yield create(ReadResponseSchema, { data });
    }
  }

  async #write(requests: AsyncIterable<WriteRequest>, call: ServerCall) {
    const iterator = requests[Symbol.asyncIterator]();
    const first = await iterator.next();
    if (first.done === true) throw new GrpcStatus('invalidArgument', 'an upload of no message');
    const resource = parseUploadResource(first.value.resourceName);
    const { instance, digest, compressor } = resource;
    const { access, blobs, limits } = this.#place;
    access.require(call, instance, 'write');
    if (digest.size > limits.blobSize) {
      throw new GrpcStatus(
        'invalidArgument',
        `a blob of ${digest.size} bytes is beyond the limit of ${limits.blobSize}`,
      );
    }
    const messages = checkedMessages(first.value, iterator);
    // What is here need not come again; the client learns it as soon as it has begun to send.
    if (!(await blobs.has(digest, call.signal))) {
      if (compressor === 'identity') await this.#receive(resource, messages, first.value);
      else await this.#receiveCompressed(resource, messages, first.value);
    }
    return create(WriteResponseSchema, { committedSize: compressor === 'identity' ? BigInt(digest.size) : -1n });
  }

  /** An upload that may have begun before. */
  async #receive(resource: UploadResource, messages: AsyncIterable<WriteRequest>, first: WriteRequest): Promise<void> {
    const name = first.resourceName;
    const offset = Number(first.writeOffset);
    const former = this.#uploads.take(name);
    if (offset !== 0 && former?.size !== offset) {
      const has = former?.size ?? 0;
      if (former !== undefined) await this.#uploads.keep(name, former);
      throw new GrpcStatus('invalidArgument', `the upload continues at ${offset}, and ${has} bytes of it are here`);
    }
    // A client that begins anew knows nothing of what came before.
    if (offset === 0) await former?.[Symbol.asyncDispose]();
    const upload = offset === 0 || former === undefined ? this.#uploads.begin(resource.digest) : former;
    using _watched = this.#uploads.watch(name, upload);
    let isComplete = false;
    let mayContinue = true;
    try {
      for await (const { data, finishWrite } of messages) {
        mayContinue = false;
        await upload.append(data);
        mayContinue = true;
        isComplete = finishWrite;
      }
      if (!isComplete) throw new GrpcStatus('invalidArgument', 'the upload ended without finish_write');
      mayContinue = false;
      await this.#place.blobs.putReceived(upload.finish(), upload.digest);
    } finally {
      if (mayContinue && !isComplete) await this.#uploads.keep(name, upload);
      else await upload[Symbol.asyncDispose]();
    }
  }

  async #receiveCompressed(
    { digest }: UploadResource,
    messages: AsyncIterable<WriteRequest>,
    first: WriteRequest,
  ): Promise<void> {
    if (first.writeOffset !== 0n) {
      throw new GrpcStatus('invalidArgument', 'a compressed upload cannot be continued, only begun anew');
    }
    await using upload: Upload = this.#uploads.begin(digest);
    let isComplete = false;
    const compressed = async function* () {
      for await (const { data, finishWrite } of messages) {
        isComplete = finishWrite;
        yield data;
      }
    };
    for await (const chunk of decompressChunks(compressed())) await upload.append(chunk);
    if (!isComplete) throw new GrpcStatus('invalidArgument', 'the upload ended without finish_write');
    await this.#place.blobs.putReceived(upload.finish(), digest);
  }

  async #query(resourceName: string, call: ServerCall) {
    const { instance, digest, compressor } = parseUploadResource(resourceName);
    const { access, blobs } = this.#place;
    access.require(call, instance, 'write');
    if (await blobs.has(digest, call.signal)) {
      const committedSize = compressor === 'identity' ? BigInt(digest.size) : -1n;
      return create(QueryWriteStatusResponseSchema, { committedSize, complete: true });
    }
    const committedSize = BigInt(this.#uploads.sizeOf(resourceName) ?? 0);
    return create(QueryWriteStatusResponseSchema, { committedSize, complete: false });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#uploads[Symbol.asyncDispose]();
  }
}

/** The messages of an upload, each checked against those before it: name, offset, nothing after the last. */
async function* checkedMessages(
  first: WriteRequest,
  rest: AsyncIterator<WriteRequest>,
): AsyncGenerator<WriteRequest, void> {
  let offset = first.writeOffset;
  for (let message = first; ;) {
    if (message.resourceName !== '' && message.resourceName !== first.resourceName) {
      throw new GrpcStatus('invalidArgument', 'an upload names two resources');
    }
    if (message.writeOffset !== offset || offset < 0n) {
      throw new GrpcStatus('invalidArgument', `a message at ${message.writeOffset}, where ${offset} comes next`);
    }
    offset += BigInt(message.data.byteLength);
    yield message;
    const next = await rest.next();
    if (next.done === true) return;
    if (message.finishWrite) throw new GrpcStatus('invalidArgument', 'a message comes after finish_write');
    message = next.value;
  }
}

function absent(digest: ForeignDigest): GrpcStatus {
  return new GrpcStatus('notFound', `the blob ${formatForeignDigest(digest)} is absent`);
}
