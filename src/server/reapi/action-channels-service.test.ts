import assert from 'node:assert/strict';
import { once } from 'node:events';
import { chmodSync, mkdirSync, readFileSync, readlinkSync } from 'node:fs';
import { type Socket, connect } from 'node:net';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { create } from '@bufbuild/protobuf';
import { byteStringFromText } from '../../base/index.ts';
import { type Node, digestOf, foreignDigestOf, putBlob } from '../../castore/index.ts';
import { GrpcServer, GrpcStatus } from '../../grpc/index.ts';
import {
  ConnectRequestSchema,
  type OpenRequest,
  OpenRequestSchema,
  ShowRequestSchema,
  actionChannelsMethods,
} from '../../proto/index.ts';
import {
  ActionChannels,
  type ClientActionChannel,
  ReapiServer,
  type ServeProgram,
  openActionChannel,
} from '../../reapi/index.ts';
import type { ByteChannel } from '../../store/index.ts';
import {
  ServedReapiRig,
  type ServedReapiRigOptions,
  isRoot,
  noise,
  nobody,
  temporaryFolder,
} from '../../testing/index.ts';
import { actionChannelsRoutes } from './action-channels-service.ts';

const megabyte = 2 ** 20;
const action = { instance: '', action: foreignDigestOf(Buffer.from('action'), 'sha256') };

/** Says what it hears. */
const echo: ServeProgram = async program => {
  for await (const chunk of program.source) {
    program.write(chunk);
    await program.drain();
  }
};

/** An action on a server, and whoever has it executed, who serves its programs. */
class Rig implements AsyncDisposable {
  readonly channels = new ActionChannels();
  readonly served: ServedReapiRig;
  readonly server: ReapiServer;
  readonly shownIn: string;
  readonly waiting: boolean[] = [];
  onWait: () => void = () => {};
  readonly left: unknown[] = [];
  onLeft: () => void = () => {};
  readonly #sockets = new Set<Socket>();
  readonly #owned = new AsyncDisposableStack();
  #socket: string | undefined;

  private constructor(served: ServedReapiRig, channels: ActionChannels) {
    this.served = served;
    this.channels = channels;
    const folder = this.#owned.use(temporaryFolder());
    chmodSync(folder.path, 0o755);
    this.shownIn = join(folder.path, 'shown');
    mkdirSync(this.shownIn);
    this.#owned.use(served);
    this.server = this.#owned.use(new ReapiServer({ address: { transport: 'unix', path: served.path } }));
  }

  static async open(options: ServedReapiRigOptions = {}): Promise<Rig> {
    const channels = new ActionChannels();
    const more = ({ access }: ServedReapiRig['place']) => actionChannelsRoutes({ access, channels });
    return new Rig(await ServedReapiRig.open({ ...options, more }), channels);
  }

  /** A channel whose action runs. */
  async begin(serve: ServeProgram): Promise<ClientActionChannel> {
    const channel = await openActionChannel(this.server, {
      folder: 'store',
      signal: new AbortController().signal,
      begin: () => serve,
      onLeft: error => {
        this.left.push(error);
        this.onLeft();
      },
    });
    this.#owned.use(channel);
    const begun = await this.channels.ofAction(channel.name, action).begin({
      store: this.served.store,
      shownIn: this.shownIn,
      folder: join(this.shownIn, '../view'),
      owner: isRoot ? nobody : undefined,
      waits: isWaiting => {
        this.waiting.push(isWaiting);
        this.onWait();
      },
    });
    this.#owned.use(begun);
    this.#socket = begun.socket;
    return channel;
  }

  /** A program of the action. */
  async connect(): Promise<Socket> {
    const path = this.#socket ?? assert.fail('no action');
    const socket = connect({ path, allowHalfOpen: true });
    this.#sockets.add(socket);
    await once(socket, 'connect');
    return socket;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    await this.#owned[Symbol.asyncDispose]();
  }
}

async function readBytes(socket: Socket, size: number): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let read = 0;
  for await (const chunk of socket) {
    assert.ok(Buffer.isBuffer(chunk));
    chunks.push(chunk);
    read += chunk.byteLength;
    if (read >= size) break;
  }
  return Buffer.concat(chunks);
}

/** Resolves when the other side has ended. */
function gone(socket: Socket): Promise<void> {
  return new Promise(resolve => {
    for (const event of ['end', 'error', 'close']) socket.once(event, () => resolve());
    socket.resume();
  });
}

const isStatus = (code: GrpcStatus['code']) => (error: unknown) => error instanceof GrpcStatus && error.code === code;

describe('connections by a channel', () => {
  test('are served side by side', async () => {
    await using rig = await Rig.open();
    await rig.begin(echo);
    await Promise.all(
      Array.from({ length: 12 }, async (_, at) => {
        const socket = await rig.connect();
        const bytes = noise(300_000, at);
        socket.write(bytes);
        assert.ok((await readBytes(socket, bytes.byteLength)).equals(bytes));
      }),
    );
    assert.deepEqual(rig.left, []);
  });

  test('carry no more than is read', async () => {
    await using rig = await Rig.open();
    const total = 16;
    const chunk = noise(megabyte, 1);
    let written = 0;
    await rig.begin(async program => {
      for (; written < total; written++) {
        program.write(chunk);
        await program.drain();
      }
      // As much the other way, of which nothing is kept.
      let read = 0;
      for await (const part of program.source) read += part.byteLength;
      assert.equal(read, total * megabyte);
    });
    const socket = await rig.connect();
    let read = 0;
    let most = 0;
    socket.on('data', (part: Buffer) => {
      read += part.byteLength;
      most = Math.max(most, written - read / megabyte);
    });
    const ended = once(socket, 'end');
    for (let sent = 0; sent < total; sent++) if (!socket.write(chunk)) await once(socket, 'drain');
    socket.end();
    await ended;
    assert.equal(read, total * megabyte);
    assert.ok(most < total / 2, `${most} megabytes were on their way`);
    assert.deepEqual(rig.left, []);
  });

  test('can be ended by who serves them while the program goes on', async () => {
    await using rig = await Rig.open();
    const heard = Promise.withResolvers<string>();
    await rig.begin(async program => {
      program.write(Buffer.from('answer'));
      program.end();
      const chunks: Buffer[] = [];
      for await (const chunk of program.source) chunks.push(Buffer.from(chunk));
      heard.resolve(String(Buffer.concat(chunks)));
    });
    const socket = await rig.connect();
    const said: string[] = [];
    socket.on('data', (chunk: Buffer) => said.push(String(chunk)));
    await once(socket, 'end');
    assert.equal(said.join(''), 'answer');
    socket.end('after all');
    assert.equal(await heard.promise, 'after all');
  });

  test('end where the program is gone', async () => {
    await using rig = await Rig.open();
    const begun = Promise.withResolvers<ByteChannel>();
    const ended = Promise.withResolvers<void>();
    await rig.begin(async (program, signal) => {
      signal.addEventListener('abort', () => ended.resolve());
      begun.resolve(program);
      for await (const _chunk of program.source);
    });
    const socket = await rig.connect();
    await begun.promise;
    socket.destroy();
    await ended.promise;
  });

  test('end with what serves them, which fails', async () => {
    await using rig = await Rig.open();
    await rig.begin(() => Promise.reject(new Error('cannot serve')));
    const socket = await rig.connect();
    const isLeft = new Promise<void>(resolve => (rig.onLeft = resolve));
    await gone(socket);
    socket.destroy();
    await isLeft;
    assert.match(String(rig.left[0]), /cannot serve/);
  });

  test('end when the channel is closed, and are waited for', async () => {
    await using rig = await Rig.open();
    let serving = 0;
    const channel = await rig.begin(async (program, signal) => {
      serving++;
      program.write(Buffer.from('!'));
      try {
        await once(signal, 'abort');
      } finally {
        serving--;
      }
    });
    const sockets = [await rig.connect(), await rig.connect()];
    await Promise.all(sockets.map(socket => once(socket, 'data')));
    assert.equal(serving, 2);
    const closed = Promise.all(sockets.map(socket => gone(socket)));
    await channel[Symbol.asyncDispose]();
    assert.equal(serving, 0);
    await closed;
  });

  test('end when the client is gone, whose name others may have then', async () => {
    await using rig = await Rig.open();
    const { key } = await rig.begin(async program => {
      program.write(Buffer.from('!'));
      for await (const _chunk of program.source);
    });
    const socket = await rig.connect();
    await once(socket, 'data');
    const closed = gone(socket);
    await rig.server[Symbol.asyncDispose]();
    await closed;
    assert.throws(() => rig.channels.ofClient(key), { code: 'channel/unknown' });
  });
});

describe('a channel', () => {
  test('shows trees, and says what it cannot show', async () => {
    await using rig = await Rig.open();
    const channel = await rig.begin(echo);
    const file = async (executable: boolean): Promise<Node> => {
      return { kind: 'file', digest: await putBlob(rig.served.store, Buffer.from('text')), executable };
    };
    await channel.show('file', await file(false));
    await channel.show('program', await file(true));
    await channel.show('link', { kind: 'symlink', target: byteStringFromText('a/ü') });
    assert.equal(readFileSync(join(rig.shownIn, 'file'), 'utf8'), 'text');
    assert.equal(readlinkSync(join(rig.shownIn, 'link')), 'a/ü');
    await assert.rejects(channel.show('../file', await file(false)), isStatus('invalidArgument'));
    const lost: Node = { kind: 'file', digest: digestOf(Buffer.from('lost')), executable: false };
    await assert.rejects(channel.show('lost', lost), isStatus('notFound'));
    const odd: Node = { kind: 'symlink', target: '\xff' as never };
    await assert.rejects(channel.show('odd', odd), { code: 'directory/not-utf8' });
    const nothing = create(ShowRequestSchema, { channel: channel.key, name: 'nothing' });
    await assert.rejects(rig.served.client.unary(actionChannelsMethods.show, nothing), isStatus('invalidArgument'));
    // What the action calls it, which others may read, is no key.
    for (const key of ['x'.repeat(32), channel.name]) {
      const unknown = create(ShowRequestSchema, { channel: key, name: 'nothing' });
      const shown = rig.served.client.unary(actionChannelsMethods.show, unknown);
      await assert.rejects(shown, isStatus('failedPrecondition'));
    }
  });

  test('tells that its action waits', async () => {
    await using rig = await Rig.open();
    const channel = await rig.begin(echo);
    for (const isWaiting of [true, false]) {
      const told = new Promise<void>(resolve => (rig.onWait = resolve));
      channel.waits(isWaiting);
      await told;
    }
    assert.deepEqual(rig.waiting, [true, false]);
  });

  test('is not there where the server has none', async () => {
    const grpc = new GrpcServer([]);
    await using _grpc = grpc;
    const { port } = await grpc.listen({ transport: 'tcp', host: '127.0.0.1', port: 0 });
    await using server = new ReapiServer({ address: { transport: 'tcp', host: '127.0.0.1', port } });
    const options = { folder: 'store', signal: new AbortController().signal, begin: () => echo };
    await assert.rejects(openActionChannel(server, options), isStatus('unimplemented'));
  });

  test('is for those who may execute', async () => {
    await using rig = await Rig.open({ rules: { anonymous: { instances: '*', rights: ['read', 'write'] } } });
    await assert.rejects(rig.begin(echo), isStatus('unauthenticated'));
  });

  test('begins with what it is, once', async () => {
    await using rig = await Rig.open();
    const { client } = rig.served;
    const open = async (...requests: readonly OpenRequest['request'][]) => {
      async function* messages() {
        for (const request of requests) yield create(OpenRequestSchema, { request });
      }
      for await (const _event of client.bidiStreaming(actionChannelsMethods.open, messages()));
    };
    const begin = create(OpenRequestSchema, {
      request: { case: 'begin', value: { channel: 'c'.repeat(32), folder: 'store' } },
    }).request;
    await assert.rejects(open(), isStatus('invalidArgument'));
    await assert.rejects(open({ case: 'waits', value: true }), isStatus('invalidArgument'));
    await assert.rejects(open(begin, begin), isStatus('invalidArgument'));
    await assert.rejects(open(begin), isStatus('cancelled'));
    const short = create(OpenRequestSchema, { request: { case: 'begin', value: { channel: 'short' } } }).request;
    await assert.rejects(open(short), isStatus('invalidArgument'));
  });

  test('has no connection that nobody has made', async () => {
    await using rig = await Rig.open();
    const channel = await rig.begin(echo);
    const connectTo = async (...connections: readonly bigint[]) => {
      async function* messages() {
        for (const connection of connections) yield create(ConnectRequestSchema, { channel: channel.key, connection });
      }
      for await (const _data of rig.served.client.bidiStreaming(actionChannelsMethods.connect, messages()));
    };
    await assert.rejects(connectTo(), isStatus('invalidArgument'));
    await assert.rejects(connectTo(77n), isStatus('notFound'));
    await assert.rejects(connectTo(2n ** 63n), isStatus('notFound'));
  });
});
