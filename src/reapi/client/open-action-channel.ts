import { randomUUID } from 'node:crypto';
import { PassThrough, Readable } from 'node:stream';
import { type MessageInitShape, create } from '@bufbuild/protobuf';
import { displayBytes, textOf, unreachable } from '../../base/index.ts';
import { CastoreError, type CallOptions, type Node } from '../../castore/index.ts';
import { GrpcStatus } from '../../grpc/index.ts';
import {
  type ConnectRequest,
  ConnectRequestSchema,
  type OpenRequest,
  OpenRequestSchema,
  ShowRequestSchema,
  actionChannelsMethods,
} from '../../proto/index.ts';
import { type ByteChannel, StreamChannel } from '../../store/index.ts';
import { messageOfOwnDigest } from '../digests/own-digest.ts';
import { channelName } from '../execution/channel-name.ts';
import { Changes } from '../queue/changes.ts';
import type { ReapiServer } from './reapi-server.ts';

/** Serves one program of an action, until either side ends or `signal` is aborted. */
export type ServeProgram = (program: ByteChannel, signal: AbortSignal) => Promise<void>;

export interface OpenActionChannelOptions {
  /** Where trees are shown: below the input root. */
  readonly folder: string;
  readonly signal: AbortSignal;
  /** Who serves the programs of the action; called before there are any. */
  readonly begin: (channel: ClientActionChannel) => ServeProgram;
  /** Told why a program was left. */
  readonly onLeft?: (error: unknown) => void;
}

/**
 * A channel to an action that is to be executed: it names the channel by the platform property `nix-channel`. Throws
 * `GrpcStatus`; `unimplemented` where the server has no channels.
 */
export async function openActionChannel(
  server: ReapiServer,
  options: OpenActionChannelOptions,
): Promise<ClientActionChannel> {
  const channel = new ClientActionChannel(server, options);
  try {
    await channel.opened;
    return channel;
  } catch (error) {
    await channel[Symbol.asyncDispose]();
    throw error;
  }
}

/** The client's end of a channel. */
export class ClientActionChannel implements AsyncDisposable {
  /** Who knows it has the channel. */
  readonly key = randomUUID();
  /** As the action calls it. */
  readonly name = channelName(this.key);
  readonly opened: Promise<void>;
  readonly #server: ReapiServer;
  readonly #options: OpenActionChannelOptions;
  readonly #serveProgram: ServeProgram;
  readonly #stop = new AbortController();
  readonly #signal: AbortSignal;
  readonly #changes = new Changes();
  readonly #served = new Set<Promise<void>>();
  readonly #listening: Promise<void>;
  #isWaiting = false;
  #hasEnded = false;

  constructor(server: ReapiServer, options: OpenActionChannelOptions) {
    this.#server = server;
    this.#options = options;
    this.#signal = AbortSignal.any([options.signal, this.#stop.signal]);
    this.#serveProgram = options.begin(this);
    const opened = Promise.withResolvers<void>();
    this.opened = opened.promise;
    this.#listening = this.#listen(() => opened.resolve());
    this.#listening.then(
      () => opened.reject(new GrpcStatus('unavailable', 'the server closed the channel')),
      (error: unknown) => opened.reject(error),
    );
  }

  async #listen(opened: () => void): Promise<void> {
    const { client } = this.#server;
    const events = client.bidiStreaming(actionChannelsMethods.open, this.#requests(), { signal: this.#signal });
    for await (const { event } of events) {
      if (event.case === 'opened') opened();
      else if (event.case === 'connection') this.#begin(event.value);
    }
  }

  async *#requests(): AsyncGenerator<OpenRequest, void> {
    const { folder } = this.#options;
    const begin = { instanceName: this.#server.instance, channel: this.key, folder };
    yield create(OpenRequestSchema, { request: { case: 'begin', value: begin } });
    let told = false;
    while (!this.#hasEnded) {
      if (told === this.#isWaiting) await this.#changes.next;
      else {
        told = this.#isWaiting;
        yield create(OpenRequestSchema, { request: { case: 'waits', value: told } });
      }
    }
  }

  #begin(connection: bigint): void {
    const served = this.#serve(connection)
      .catch((error: unknown) => this.#options.onLeft?.(error))
      .finally(() => this.#served.delete(served));
    this.#served.add(served);
  }

  async #serve(connection: bigint): Promise<void> {
    const ours = new PassThrough();
    const end = new AbortController();
    const signal = AbortSignal.any([this.#signal, end.signal]);
    const answers = this.#server.client.bidiStreaming(
      actionChannelsMethods.connect,
      requestsOf(this.key, connection, ours),
      { signal },
    );
    const theirs = Readable.from(dataOf(answers), { objectMode: false });
    await using channel = new StreamChannel(theirs, ours);
    try {
      const served = this.#serveProgram(channel, AbortSignal.any([this.#signal, channel.ended]));
      await served.catch(() => undefined);
      // A program that is not served any more hears of it, also where that came before the server knew who serves it.
      channel.end();
      // What was written is on its way until the server has said its last.
      for await (const _rest of channel.source);
      await served;
    } finally {
      end.abort(new Error('the connection is not served any more'));
    }
  }

  /** Whether the action waits for what is done for it here: others have its slot meanwhile. */
  waits(isWaiting: boolean): void {
    this.#isWaiting = isWaiting;
    this.#changes.announce();
  }

  /** Has the action see a tree, which the server has. Throws `GrpcStatus`, and what REAPI cannot say: `directory/not-utf8`. */
  async show(name: string, node: Node, { signal }: CallOptions = {}): Promise<void> {
    const request = create(ShowRequestSchema, { channel: this.key, name, node: nodeMessage(name, node) });
    await this.#server.client.unary(actionChannelsMethods.show, request, { signal });
  }

  /** Waits until nobody is served any more. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#hasEnded = true;
    this.#changes.announce();
    this.#stop.abort(new Error('the action has ended'));
    await this.#listening.catch(() => undefined);
    while (this.#served.size > 0) await Promise.allSettled(this.#served);
  }
}

async function* requestsOf(
  channel: string,
  connection: bigint,
  data: AsyncIterable<Uint8Array>,
): AsyncGenerator<ConnectRequest, void> {
  yield create(ConnectRequestSchema, { channel, connection });
  for await (const chunk of data) yield create(ConnectRequestSchema, { data: chunk });
}

async function* dataOf(answers: AsyncIterable<{ readonly data: Uint8Array }>): AsyncGenerator<Uint8Array, void> {
  for await (const { data } of answers) if (data.byteLength > 0) yield data;
}

function nodeMessage(name: string, node: Node): NonNullable<MessageInitShape<typeof ShowRequestSchema>['node']> {
  switch (node.kind) {
    case 'directory':
      return { case: 'directory', value: messageOfOwnDigest(node.digest) };
    case 'file':
      return { case: node.executable ? 'executable' : 'file', value: messageOfOwnDigest(node.digest) };
    case 'symlink': {
      const target = textOf(node.target);
      if (target !== undefined) return { case: 'symlinkTarget', value: target };
      const message = `the symlink '${name}' to '${displayBytes(node.target)}' is no UTF-8`;
      throw new CastoreError('directory/not-utf8', message);
    }
    default:
      return unreachable(node);
  }
}
