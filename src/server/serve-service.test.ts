import assert from 'node:assert/strict';
import { test } from 'node:test';
import { byteStringFromText, silentReporter } from '../base/index.ts';
import {
  defaultStoreDir,
  WireReader,
  WireWriter,
  openServeConnection,
  writeServeCommand,
  writePathInfo,
} from '../nix-compat/index.ts';
import { RemoteStore, ServeConnection } from '../store/index.ts';
import { ServiceRig, addTestPath, connectChannels, listTestStore, offerTree, storeSuite } from '../testing/index.ts';
import { serveStore } from './serve-service.ts';

class ServeRig extends ServiceRig {
  readonly remote: RemoteStore;

  constructor({ mayWrite = true }: { readonly mayWrite?: boolean } = {}) {
    super();
    const { storeDir } = this.local;
    this.remote = new RemoteStore({
      ...this.common,
      uri: 'ssh://test',
      reporter: silentReporter,
      connect: () => ServeConnection.open(this.serve(mayWrite).client, { storeDir, host: 'test', preamble: '' }),
    });
  }

  serve(mayWrite = true): ReturnType<typeof connectChannels> {
    const { signal } = new AbortController();
    return this.connect(server => serveStore(server, this.served, { mayWrite, reporter: silentReporter, signal }));
  }
}

storeSuite(
  'a store behind the serve protocol',
  async () => {
    const rig = new ServeRig();
    return { store: rig.remote, [Symbol.asyncDispose]: () => rig[Symbol.asyncDispose]() };
  },
  ['hash parts', 'signatures', 'realisations', 'build logs'],
);

test('the other side substitutes before it says what is valid', async () => {
  await using rig = new ServeRig();
  const path = await addTestPath(rig.local, 'x');
  assert.deepEqual(await rig.remote.validPaths([path], { substitute: true }), new Set([path]));
  assert.deepEqual(rig.served.substituted, [path]);
});

test('a client that may not write is refused, and the connection ends', async () => {
  await using rig = new ServeRig({ mayWrite: false });
  const addition = offerTree({ type: 'symlink', target: byteStringFromText('x') }, { storeDir: rig.local.storeDir });
  await assert.rejects(rig.remote.writer.add([addition]), /unexpected end-of-file/);
  assert.match(String(await rig.ends[0]), /importing paths is not allowed/);
  assert.deepEqual(listTestStore(rig.folder), []);
});

test('nothing is added of a NAR that is cut short or is another', async () => {
  await using rig = new ServeRig();
  const { storeDir } = rig.local;
  const { offers } = offerTree({ type: 'symlink', target: byteStringFromText('some target') }, { storeDir });
  const { info } = offers[0];
  for (const { nar, end } of [
    { nar: Buffer.from('garbage garbage garbage'), end: /input doesn't look|magic|end-of-file|NAR|archive/i },
    { nar: Buffer.alloc(0), end: /unexpected end-of-file/ },
  ]) {
    const { client } = rig.serve();
    const reader = new WireReader(client.source);
    await openServeConnection({ reader, send: bytes => client.write(bytes) });
    const writer = new WireWriter();
    writeServeCommand(writer, 'AddToStoreNar');
    writePathInfo(writer, storeDir, info);
    writer.raw(nar);
    client.write(writer.take());
    client.end();
    assert.equal(await reader.atEnd(), true);
    assert.match(String(await rig.ends.at(-1)), end);
  }
  assert.deepEqual(listTestStore(rig.folder), []);
});

test('garbage in place of a greeting or a command ends the connection', async () => {
  await using rig = new ServeRig();
  const greeting = rig.serve();
  greeting.client.write(Buffer.from('GET / HTTP/1.1\r\n\r\n'));
  greeting.client.end();
  assert.match(String(await rig.ends.at(-1)), /protocol mismatch|too large/);
  const command = rig.serve();
  const reader = new WireReader(command.client.source);
  await openServeConnection({ reader, send: bytes => command.client.write(bytes) });
  const writer = new WireWriter();
  writer.number(5);
  command.client.write(writer.take());
  command.client.end();
  assert.equal(await reader.atEnd(), true);
  assert.match(String(await rig.ends.at(-1)), /unknown serve command 5/);
});

test('a shell that prints something is quoted', async () => {
  const { client, server } = connectChannels();
  server.write(Buffer.from('Welcome to test!\n'));
  server.end();
  await assert.rejects(
    ServeConnection.open(client, { storeDir: defaultStoreDir, host: 'test', preamble: '' }),
    /'nix-store --serve' protocol mismatch from 'test', got 'Welcome to test!'/,
  );
});

test('what ssh says when it is connected is skipped', async () => {
  await using rig = new ServeRig();
  const { client, server } = connectChannels();
  server.write(Buffer.from('started\n'));
  const serving = serveStore(server, rig.served, {
    mayWrite: false,
    reporter: silentReporter,
    signal: new AbortController().signal,
  });
  const { storeDir } = rig.local;
  const connection = await ServeConnection.open(client, { storeDir, host: 'test', preamble: 'started\n' });
  const path = await addTestPath(rig.local, 'x');
  assert.deepEqual(await connection.validPaths(new Set([path]), false), new Set([path]));
  client.end();
  await serving;
  await connection[Symbol.asyncDispose]();
});
