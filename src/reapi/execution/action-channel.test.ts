import assert from 'node:assert/strict';
import { once } from 'node:events';
import {
  chmodSync,
  existsSync,
  lstatSync,
  mkdirSync,
  readFileSync,
  readdirSync,
  readlinkSync,
  renameSync,
  rmdirSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { type Socket, connect } from 'node:net';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { byteStringFromText } from '../../base/index.ts';
import {
  DiskBlobStore,
  type Node,
  digestOf,
  encodeDirectory,
  foreignDigestOf,
  lockAgainstCollection,
  putBlob,
} from '../../castore/index.ts';
import { isRoot, nobody, temporaryFolder } from '../../testing/index.ts';
import { ReapiError } from '../error.ts';
import { ActionChannel } from './action-channel.ts';
import { ActionChannels, channelNameOf } from './action-channels.ts';
import { channelName } from './channel-name.ts';

const text = byteStringFromText;
const never = new AbortController().signal;
const place = { instance: '', folder: 'store' };
const someKey = 'n'.repeat(32);

const hasCode = (code: ReapiError['code']) => (error: unknown) => error instanceof ReapiError && error.code === code;

/** An action's channel, and the folder in which it is shown what its client shows. */
class Rig implements AsyncDisposable {
  readonly #folder = temporaryFolder();
  readonly store = new DiskBlobStore(join(this.#folder.path, 'data'));
  readonly channel = new ActionChannel(place);
  readonly root = join(this.#folder.path, 'root');
  readonly shownIn = join(this.root, 'store');
  readonly #view = join(this.#folder.path, 'view');
  /** Where trees are made before they are shown. */
  readonly staged = join(this.#view, 'shown');
  readonly outside = join(this.#folder.path, 'outside');
  readonly waiting: boolean[] = [];
  readonly #sockets = new Set<Socket>();
  #daemon: (AsyncDisposable & { readonly socket: string }) | undefined;

  constructor() {
    for (const folder of [this.root, this.shownIn, this.outside]) mkdirSync(folder);
    chmodSync(this.#folder.path, 0o755);
  }

  /** A folder with a file, an executable and a symlink. */
  async addTree(): Promise<Node> {
    const file = async (bytes: string, executable: boolean): Promise<Node> => {
      return { kind: 'file', digest: await putBlob(this.store, Buffer.from(bytes)), executable };
    };
    const inner = { entries: [{ name: text('file'), node: await file('text', false) }] };
    const entries = [
      { name: text('folder'), node: { kind: 'directory', digest: await putBlob(this.store, encodeDirectory(inner)) } },
      { name: text('link'), node: { kind: 'symlink', target: text('folder/file') } },
      { name: text('program'), node: await file('#!', true) },
    ] as const;
    return { kind: 'directory', digest: await putBlob(this.store, encodeDirectory({ entries })) };
  }

  async addFile(bytes: string, executable = false): Promise<Node> {
    return { kind: 'file', digest: await putBlob(this.store, Buffer.from(bytes)), executable };
  }

  async begin(): Promise<void> {
    this.#daemon = await this.channel.begin({
      store: this.store,
      shownIn: this.shownIn,
      folder: this.#view,
      owner: isRoot ? nobody : undefined,
      waits: isWaiting => this.waiting.push(isWaiting),
    });
  }

  async end(): Promise<void> {
    await this.#daemon?.[Symbol.asyncDispose]();
    this.#daemon = undefined;
  }

  async connect(): Promise<Socket> {
    const socket = connect(this.#daemon?.socket ?? assert.fail('no action'));
    this.#sockets.add(socket);
    await once(socket, 'connect');
    return socket;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    await this.end();
    await this.store[Symbol.asyncDispose]();
    this.#folder[Symbol.dispose]();
  }
}

describe('what a channel shows', () => {
  test('is there whole, as what it is', async () => {
    await using rig = new Rig();
    await rig.begin();
    await rig.channel.show('tree', await rig.addTree());
    const at = (name: string) => join(rig.shownIn, 'tree', name);
    assert.deepEqual(readdirSync(at('')).toSorted(), ['folder', 'link', 'program']);
    assert.equal(readFileSync(at('folder/file'), 'utf8'), 'text');
    assert.equal(readlinkSync(at('link')), 'folder/file');
    assert.notEqual(lstatSync(at('program')).mode & 0o111, 0);
    assert.equal(lstatSync(at('folder/file')).mode & 0o111, 0);
    await rig.channel.show('file', await rig.addFile('text'));
    await rig.channel.show('program', await rig.addFile('#!', true));
    await rig.channel.show('link', { kind: 'symlink', target: text('/nowhere') });
    assert.equal(readFileSync(join(rig.shownIn, 'file'), 'utf8'), 'text');
    assert.notEqual(lstatSync(join(rig.shownIn, 'program')).mode & 0o111, 0);
    assert.equal(readlinkSync(join(rig.shownIn, 'link')), '/nowhere');
  });

  test('leaves alone what is there', async () => {
    await using rig = new Rig();
    await rig.begin();
    const names = ['file', 'folder', 'empty', 'link'];
    const make = () => {
      writeFileSync(join(rig.shownIn, 'file'), 'the action’s');
      mkdirSync(join(rig.shownIn, 'folder/inner'), { recursive: true });
      symlinkSync(rig.outside, join(rig.shownIn, 'link'));
    };
    make();
    const tree = await rig.addTree();
    const file = await rig.addFile('text');
    for (const name of names.filter(each => each !== 'empty')) {
      await rig.channel.show(name, tree);
      await rig.channel.show(name, file);
      await rig.channel.show(name, { kind: 'symlink', target: text('elsewhere') });
    }
    assert.equal(readFileSync(join(rig.shownIn, 'file'), 'utf8'), 'the action’s');
    assert.deepEqual(readdirSync(join(rig.shownIn, 'folder')), ['inner']);
    assert.equal(readlinkSync(join(rig.shownIn, 'link')), rig.outside);
    assert.deepEqual(readdirSync(rig.outside), []);
    // Twice the same, at a time.
    await Promise.all([rig.channel.show('again', tree), rig.channel.show('again', tree)]);
    assert.equal(readdirSync(join(rig.shownIn, 'again')).length, 3);
  });

  test('has a name that is one', async () => {
    await using rig = new Rig();
    await rig.begin();
    const tree = await rig.addTree();
    for (const name of ['', '.', '..', 'a/b', '/etc', '../outside/x', 'a\0b'])
      await assert.rejects(rig.channel.show(name, tree), hasCode('action/malformed'), name);
    assert.deepEqual([readdirSync(rig.shownIn), readdirSync(rig.outside)], [[], []]);
  });

  test('never is where the action leads it', async () => {
    await using rig = new Rig();
    await rig.begin();
    const tree = await rig.addTree();
    renameSync(rig.shownIn, join(rig.root, 'moved'));
    symlinkSync(rig.outside, rig.shownIn);
    await rig.channel.show('tree', tree);
    assert.deepEqual(readdirSync(rig.outside), []);
    assert.deepEqual(readdirSync(join(rig.root, 'moved')), ['tree']);
  });

  test('is nowhere once the action has removed the folder', async () => {
    await using rig = new Rig();
    await rig.begin();
    rmdirSync(rig.shownIn);
    symlinkSync(rig.outside, rig.shownIn);
    await assert.rejects(rig.channel.show('tree', await rig.addTree()), { code: 'ENOENT' });
    await assert.rejects(rig.channel.show('file', await rig.addFile('text')), { code: 'ENOENT' });
    assert.deepEqual(readdirSync(rig.outside), []);
  });

  test('is nowhere where the action ends meanwhile, which waits for that', async () => {
    await using rig = new Rig();
    const tree = await rig.addTree();
    await rig.begin();
    // Nothing is shown as long as a collection goes on.
    const collecting = await lockAgainstCollection(rig.store.folder, 'exclusive');
    const showing = assert.rejects(rig.channel.show('tree', tree), hasCode('channel/unknown'));
    const ended = rig.end();
    await showing;
    await ended;
    collecting[Symbol.dispose]();
    assert.deepEqual(readdirSync(rig.shownIn), []);
    assert.deepEqual(existsSync(rig.staged) ? readdirSync(rig.staged) : [], []);
  });

  test('has to be in the store, and needs an action', async () => {
    await using rig = new Rig();
    const tree = await rig.addTree();
    await assert.rejects(rig.channel.show('tree', tree), hasCode('channel/unknown'));
    await rig.begin();
    const lost: Node = { kind: 'file', digest: digestOf(Buffer.from('lost')), executable: false };
    await assert.rejects(rig.channel.show('lost', lost), { code: 'blob/missing' });
    assert.ok(!existsSync(join(rig.shownIn, 'lost')));
    await rig.end();
    await assert.rejects(rig.channel.show('tree', tree), hasCode('channel/unknown'));
  });
});

describe('connections of an action', () => {
  test('are told of once, and are somebody’s once', async () => {
    await using rig = new Rig();
    await rig.begin();
    const connections = rig.channel.connections(never);
    const told = connections.next();
    const socket = await rig.connect();
    const { value: first } = await told;
    assert.ok(first !== undefined);
    using taken = rig.channel.take(first);
    assert.equal(rig.channel.take(first), undefined);
    assert.equal(rig.channel.take(99), undefined);
    taken?.channel.write(Buffer.from('hello'));
    const greeting = Promise.withResolvers<string>();
    socket.once('data', (chunk: Buffer) => greeting.resolve(chunk.toString()));
    assert.equal(await greeting.promise, 'hello');
    const another = await rig.connect();
    assert.notEqual((await connections.next()).value, first);
    await connections.return();
    assert.ok(!another.destroyed);
  });

  test('end with the client, and with the action', async () => {
    for (const ends of ['client', 'action'] as const) {
      await using rig = new Rig();
      await rig.begin();
      const sockets = [await rig.connect(), await rig.connect()];
      const closed = Promise.all(sockets.map(socket => once(socket.resume(), 'close')));
      const { value: first } = await rig.channel.connections(never).next();
      // One is served, the other waits for that.
      assert.ok(first !== undefined);
      using _taken = rig.channel.take(first);
      if (ends === 'client') rig.channel[Symbol.dispose]();
      else await rig.end();
      await closed;
    }
  });

  test('tell the queue that the action waits while it runs, and no longer', async () => {
    await using rig = new Rig();
    rig.channel.waits(true);
    await rig.begin();
    rig.channel.waits(true);
    rig.channel.waits(false);
    await rig.end();
    rig.channel.waits(true);
    assert.deepEqual(rig.waiting, [true, false]);
  });

  test('are of one action alone', async () => {
    await using rig = new Rig();
    await rig.begin();
    await assert.rejects(rig.begin(), hasCode('channel/unknown'));
    await using other = new Rig();
    other.channel[Symbol.dispose]();
    await assert.rejects(other.begin(), hasCode('channel/unknown'));
  });
});

describe('channels', () => {
  test('have keys that nobody guesses, each once', () => {
    const channels = new ActionChannels();
    for (const name of ['', 'short', 'n'.repeat(31), 'n'.repeat(301)])
      assert.throws(() => channels.open(name, place), hasCode('channel/refused'));
    const channel = channels.open(someKey, place);
    assert.throws(() => channels.open(someKey, place), hasCode('channel/refused'));
    assert.equal(channels.ofClient(someKey), channel);
    for (const key of ['other', channelName(someKey)])
      assert.throws(() => channels.ofClient(key), hasCode('channel/unknown'));
    channels.close(someKey);
    assert.throws(() => channels.ofClient(someKey), hasCode('channel/unknown'));
    channels.close(someKey);
    assert.notEqual(channels.open(someKey, place), channel);
  });

  test('are of the action that was asked for first, in their instance', () => {
    const channels = new ActionChannels();
    const channel = channels.open(someKey, place);
    const name = channelName(someKey);
    const keyOf = (action: string, instance = '') => {
      return { instance, action: foreignDigestOf(Buffer.from(action), 'sha256') };
    };
    assert.throws(() => channels.ofAction(name, keyOf('a', 'other')), hasCode('channel/unknown'));
    assert.equal(channels.ofAction(name, keyOf('a')), channel);
    assert.equal(channels.ofAction(name, keyOf('a')), channel);
    assert.throws(() => channels.ofAction(name, keyOf('b')), hasCode('channel/unknown'));
    assert.throws(() => channels.ofAction(someKey, keyOf('a')), hasCode('channel/unknown'));
  });

  test('are bounded', () => {
    const channels = new ActionChannels();
    for (let at = 0; at < 10_000; at++) channels.open(`${someKey}${at}`, place);
    assert.throws(() => channels.open(someKey, place), hasCode('channel/refused'));
    channels.close(`${someKey}7`);
    channels.open(someKey, place);
  });

  test('are named by actions once', () => {
    assert.equal(channelNameOf(new Map()), undefined);
    assert.equal(channelNameOf(new Map([['nix-channel', ['a']]])), 'a');
    assert.throws(() => channelNameOf(new Map([['nix-channel', ['a', 'b']]])), hasCode('action/malformed'));
  });
});
