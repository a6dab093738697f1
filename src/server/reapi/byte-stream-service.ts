import { create } from '@bufbuild/protobuf';
import { type ForeignDigest, formatForeignDigest } from '../../castore/index.ts';
import {
  GrpcStatus,
  type RequestStream,
  type Route,
  type ServerCall,
  clientStreaming,
  serverStreaming,
  unary,
} from '../../grpc/index.ts';
import {
  QueryWriteStatusResponseSchema,
  type WriteRequest,
  WriteResponseSchema,
  byteStreamMethods,
  readResponse,
  readResponseCodec,
  writeRequestCodec,
} from '../../proto/index.ts';
import { type UploadResource, parseBlobResource, parseUploadResource } from '../../reapi/index.ts';
import type { ReapiPlace } from './reapi-place.ts';
import { type Upload, Uploads } from './uploads.ts';
import { compressChunks, decompressChunks } from './zstd-blobs.ts';

/** Bytes of one message of a download: what each reader holds. */
const chunkSize = 256 * 1024;
const smallChunkSize = 16 * 1024;

/** With codecs that copy nothing: of what is sent and received the most is data of these messages. */
const read = { ...byteStreamMethods.read, response: readResponseCodec };
const write = { ...byteStreamMethods.write, request: { ...writeRequestCodec, isLent: true } };

/** `google.bytestream.ByteStream`, as REAPI uses it. Disposed of, it forgets uploads that stopped before their end. */
export class ByteStreamService implements AsyncDisposable {
  readonly routes: readonly Route[];
  readonly #place: ReapiPlace;
  readonly #uploads: Uploads;

  constructor(place: ReapiPlace) {
    this.#place = place;
    this.#uploads = new Uploads(place.blobs.store);
    this.routes = [
      serverStreaming(read, (request, call) => this.#read(request, call)),
      clientStreaming(write, (requests, call) => this.#write(requests, call)),
      unary(byteStreamMethods.queryWriteStatus, ({ resourceName }, call) => this.#query(resourceName, call)),
    ];
  }

  async *#read(
    request: { readonly resourceName: string; readonly readOffset: bigint; readonly readLimit: bigint },
    call: ServerCall,
  ) {
    const { access, blobs, logs } = this.#place;
    const found = logs?.find(request.resourceName);
    if (found !== undefined) {
      access.require(call, found.instance, 'read');
      for await (const data of found.log.read(Number(request.readOffset), call.signal)) yield readResponse(data);
      return;
    }
    const { instance, digest: named, compressor } = parseBlobResource(request.resourceName);
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
    // Where many readers hold much, those that come get little at a time: nobody waits for who takes nothing.
    using memory = blobs.memory.tryAcquire(Math.min(chunkSize, length));
    const range = { offset: Number(readOffset), length, chunkSize: memory === undefined ? smallChunkSize : chunkSize };
    const chunks = await blobs.open(digest, { ...range, signal: call.signal });
    if (chunks === undefined) throw absent(digest);
    for await (const data of compressor === 'zstd' ? compressChunks(chunks) : chunks) {
      yield readResponse(data);
    }
  }

  async #write(requests: RequestStream<WriteRequest>, call: ServerCall) {
    const first = await requests.next();
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
    using messages = new UploadMessages(requests, first.value, limits.stallTime);
    // What is here need not come again; the client learns it as soon as it has begun to send.
    if (!(await blobs.has(digest, call.signal))) {
      if (compressor === 'identity') await this.#receive(resource, messages, first.value);
      else await this.#receiveCompressed(resource, messages, first.value);
    }
    return create(WriteResponseSchema, { committedSize: compressor === 'identity' ? BigInt(digest.size) : -1n });
  }

  /** An upload that may have begun before. */
  async #receive(resource: UploadResource, messages: UploadMessages, first: WriteRequest): Promise<void> {
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
    let mayContinue = true;
    try {
      for (let data: Uint8Array | undefined = first.data; data !== undefined;) {
        mayContinue = false;
        const appending = upload.append(data);
        if (appending !== undefined) await appending;
        mayContinue = true;
        const next = messages.next();
        data = next instanceof Promise ? await next : next;
      }
      if (!messages.isFinished) throw new GrpcStatus('invalidArgument', 'the upload ended without finish_write');
      mayContinue = false;
      await this.#place.blobs.putReceived(await upload.finish(), upload.digest);
    } finally {
      if (mayContinue && !messages.isFinished) await this.#uploads.keep(name, upload);
      else await upload[Symbol.asyncDispose]();
    }
  }

  async #receiveCompressed({ digest }: UploadResource, messages: UploadMessages, first: WriteRequest): Promise<void> {
    if (first.writeOffset !== 0n) {
      throw new GrpcStatus('invalidArgument', 'a compressed upload cannot be continued, only begun anew');
    }
    await using upload: Upload = this.#uploads.begin(digest);
    const compressed = async function* () {
      for (let data: Uint8Array | undefined = first.data; data !== undefined; data = await messages.next()) yield data;
    };
    for await (const chunk of decompressChunks(compressed())) await upload.append(chunk);
    if (!messages.isFinished) throw new GrpcStatus('invalidArgument', 'the upload ended without finish_write');
    await this.#place.blobs.putReceived(await upload.finish(), digest);
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
class UploadMessages {
  readonly #requests: RequestStream<WriteRequest>;
  readonly #name: string;
  #offset: bigint;
  #isFinished = false;
  #stalled: (() => void) | undefined;
  readonly #timer: NodeJS.Timeout;
  readonly #stallTime: number;

  constructor(requests: RequestStream<WriteRequest>, first: WriteRequest, stallTime: number) {
    this.#stallTime = stallTime;
    this.#timer = setTimeout(() => this.#stalled?.(), stallTime);
    this.#requests = requests;
    this.#name = first.resourceName;
    this.#offset = first.writeOffset;
    if (this.#offset < 0n) throw new GrpcStatus('invalidArgument', `an upload that begins at ${this.#offset}`);
    this.#check(first);
  }

  /** Whether the client has said that this is all. */
  get isFinished(): boolean {
    return this.#isFinished;
  }

  /** The data of the next message; undefined when there is none. */
  next(): Uint8Array | undefined | Promise<Uint8Array | undefined> {
    const message = this.#requests.take();
    return message === undefined ? this.#wait() : this.#check(message.value);
  }

  async #wait(): Promise<Uint8Array | undefined> {
    this.#timer.refresh();
    const stalled = new Promise<never>((_, reject) => {
      this.#stalled = () => {
        const message = `nothing has come for ${this.#stallTime / 1000} s: the upload can be continued where it stands`;
        reject(new GrpcStatus('deadlineExceeded', message));
      };
    });
    const next = await Promise.race([this.#requests.next(), stalled]);
    this.#stalled = undefined;
    return next.done === true ? undefined : this.#check(next.value);
  }

  [Symbol.dispose](): void {
    clearTimeout(this.#timer);
  }

  #check({ resourceName, writeOffset, finishWrite, data }: WriteRequest): Uint8Array {
    if (this.#isFinished) throw new GrpcStatus('invalidArgument', 'a message comes after finish_write');
    if (resourceName !== '' && resourceName !== this.#name) {
      throw new GrpcStatus('invalidArgument', 'an upload names two resources');
    }
    if (writeOffset !== this.#offset) {
      throw new GrpcStatus('invalidArgument', `a message at ${writeOffset}, where ${this.#offset} comes next`);
    }
    this.#offset += BigInt(data.byteLength);
    this.#isFinished = finishWrite;
    return data;
  }
}

function absent(digest: ForeignDigest): GrpcStatus {
  return new GrpcStatus('notFound', `the blob ${formatForeignDigest(digest)} is absent`);
}
