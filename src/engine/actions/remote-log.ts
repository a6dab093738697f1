import { setTimeout as delay } from 'node:timers/promises';
import type { BlobStore } from '../../castore/index.ts';
import type { ActionResult, ExecuteOperationMetadata } from '../../proto/index.ts';
import { type ReapiServer, ownDigestOf, readLog } from '../../reapi/index.ts';

/** Milliseconds that the end of a log may come after the result. */
const patience = 1000;

interface RemoteLogOptions {
  readonly server: ReapiServer;
  readonly blobs: BlobStore;
  readonly signal: AbortSignal;
  /** A chunk is lent until the call returns. */
  readonly output: (chunk: Uint8Array) => void;
}

interface Stream {
  /** Bytes that have come. */
  count: number;
  reading: Promise<void> | undefined;
}

/** What an action writes that a server executes: as it comes, where the server tells, and all of it once there is a result. */
export class RemoteLog {
  readonly #options: RemoteLogOptions;
  readonly #stop = new AbortController();
  readonly #streams: Readonly<Record<'stdout' | 'stderr', Stream>> = {
    stdout: { count: 0, reading: undefined },
    stderr: { count: 0, reading: undefined },
  };

  constructor(options: RemoteLogOptions) {
    this.#options = options;
  }

  /** Begins to follow what the server names. */
  follow(metadata: ExecuteOperationMetadata | undefined): void {
    this.#read(this.#streams.stdout, metadata?.stdoutStreamName ?? '');
    this.#read(this.#streams.stderr, metadata?.stderrStreamName ?? '');
  }

  #read(stream: Stream, name: string): void {
    if (name === '' || stream.reading !== undefined) return;
    const { server, output, signal } = this.#options;
    const read = async () => {
      const both = AbortSignal.any([signal, this.#stop.signal]);
      for await (const chunk of readLog(server, name, { signal: both })) {
        if (both.aborted) return;
        stream.count += chunk.byteLength;
        output(chunk);
      }
    };
    stream.reading = read().catch((error: unknown) => {
      if (!signal.aborted && !this.#stop.signal.aborted) throw error;
    });
    stream.reading.catch(() => undefined);
  }

  /** Gives what has not come yet. */
  async finish(result: ActionResult | undefined): Promise<void> {
    const { signal } = this.#options;
    const { stdout, stderr } = this.#streams;
    const followed = Promise.all([stdout.reading, stderr.reading]);
    await Promise.race([followed, delay(patience, undefined, { signal, ref: false })]);
    this.#stop.abort(new Error('the rest of the log is in the result'));
    await followed;
    if (result === undefined) return;
    await this.#rest(stdout, { bytes: result.stdoutRaw, digest: result.stdoutDigest });
    await this.#rest(stderr, { bytes: result.stderrRaw, digest: result.stderrDigest });
  }

  async #rest(
    { count }: Stream,
    { bytes, digest }: { readonly bytes: Uint8Array; readonly digest: ActionResult['stdoutDigest'] },
  ): Promise<void> {
    const { blobs, output, signal } = this.#options;
    if (bytes.byteLength > count) output(bytes.subarray(count));
    if (bytes.byteLength > 0 || digest === undefined) return;
    const named = ownDigestOf(digest, 'the digest of a log');
    if (named.size <= count) return;
    for await (const chunk of (await blobs.open(named, { offset: count, signal })) ?? []) output(chunk);
  }
}
