import assert from 'node:assert/strict';
import { chmodSync, readlinkSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import {
  type ByteString,
  type Reporter,
  byteStringFromText,
  bytesOf,
  displayBytes,
  silentReporter,
} from '../base/index.ts';
import {
  ExportWriter,
  FramedWriter,
  NarWriter,
  type PathInfo,
  SecretKey,
  type StoreDir,
  WireReader,
  WireWriter,
  type WorkerOperation,
  hashBytes,
  openWorkerConnection,
  printStorePath,
  readLogMessage,
  readPathInfo,
  readStorePaths,
  readUnkeyedPathInfo,
  writePathInfo,
  writeWorkerOperation,
} from '../nix-compat/index.ts';
import { LocalStore, type PathAddition, WorkerConnection, WorkerStore, importPaths } from '../store/index.ts';
import {
  ServiceRig,
  addTestPath,
  TestServedStore,
  connectChannels,
  listTestStore,
  offerTree,
  recordReports,
  storeSuite,
  temporaryFolder,
} from '../testing/index.ts';
import { serveWorker } from './worker-service.ts';

function unforeseen(error: unknown): never {
  throw error;
}

class WorkerRig extends ServiceRig {
  readonly remote: WorkerStore;
  readonly #isTrusted: boolean;

  constructor(options: { readonly isTrusted?: boolean; readonly reporter?: Reporter } = {}) {
    super();
    const { isTrusted = true, reporter = silentReporter } = options;
    const { storeDir } = this.local;
    this.#isTrusted = isTrusted;
    this.remote = new WorkerStore({
      ...this.common,
      uri: 'ssh-ng://test',
      rootMaker: 'nobody',
      reporter,
      connect: () =>
        WorkerConnection.open(this.serve().client, { storeDir, uri: 'ssh-ng://test', preamble: '', reporter }),
    });
  }

  serve(): ReturnType<typeof connectChannels> {
    const { signal } = new AbortController();
    return this.connect(server =>
      serveWorker(server, this.served, { isTrusted: this.#isTrusted, signal, onFault: unforeseen }),
    );
  }
}

storeSuite(
  'a store behind the worker protocol',
  async () => {
    const rig = new WorkerRig();
    return { store: rig.remote, [Symbol.asyncDispose]: () => rig[Symbol.asyncDispose]() };
  },
  ['build logs'],
);

const link = { type: 'symlink', target: byteStringFromText('some target') } as const;

test('tells whether it trusts the client, and which software it is', async () => {
  await using trusting = new WorkerRig();
  assert.deepEqual(await trusting.remote.keeper(), { version: '2.34.8', trustsUs: true });
  await using wary = new WorkerRig({ isTrusted: false });
  assert.deepEqual(await wary.remote.keeper(), { version: '2.34.8', trustsUs: false });
});

test('a client that is not trusted cannot do without signatures, and the connection goes on', async () => {
  await using rig = new WorkerRig({ isTrusted: false });
  const { storeDir } = rig.local;
  const { path, offers } = offerTree(link, { storeDir });
  const options = { checkSignatures: false };
  await assert.rejects(rig.remote.writer.add([{ path, offers }], options), /lacks a signature by a trusted key/);
  const { info } = offers[0];
  const addressed = { ...info, contentAddress: { method: 'nar', hash: info.narHash } as const };
  await rig.remote.writer.add([{ path, offers: [{ ...offers[0], info: addressed }] }], options);
  assert.deepEqual(await rig.remote.validPaths([path]), new Set([path]));
  const id = {
    derivationHash: hashBytes('sha256', bytesOf(byteStringFromText('x'))),
    output: byteStringFromText('out'),
  };
  await assert.rejects(rig.remote.writer.addRealisation({ id, path, signatures: [] }), /lacks a signature/);
  await assert.rejects(rig.remote.writer.addBuildLog(path, Buffer.from('x')), /not privileged to add logs/);
  const signature = SecretKey.generate('a-1').sign(Buffer.from('x'));
  await rig.remote.writer.addSignatures(path, [signature]);
  assert.equal(rig.ends.length, 1, 'all on one connection');
});

test('the other side substitutes, and what it reports is reported here', async () => {
  const { reporter, reports } = recordReports();
  await using rig = new WorkerRig({ reporter });
  const path = await addTestPath(rig.local, 'x');
  assert.deepEqual(await rig.remote.validPaths([path], { substitute: true }), new Set([path]));
  assert.deepEqual(rig.served.substituted, [path]);
  assert.deepEqual(
    reports.map(({ kind }) => kind),
    ['start', 'result', 'stop'],
  );
});

test('a framed NAR that breaks off, or is none, is refused, and nothing is there', async () => {
  await using rig = new WorkerRig();
  const { storeDir } = rig.local;
  const { info } = offerTree(link, { storeDir }).offers[0];
  const { client } = rig.serve();
  const reader = new WireReader(client.source);
  const { protocol } = await openWorkerConnection({ reader, send: bytes => client.write(bytes) });
  assert.equal((await readLogMessage(reader, protocol.version)).kind, 'last');
  for (const nar of ['', 'garbage garbage garbage', '\r\0\0\0\0\0\0\0nix-archive-1\0\0\0']) {
    const writer = new WireWriter();
    writeWorkerOperation(writer, 'AddToStoreNar');
    writePathInfo(writer, storeDir, info);
    writer.boolean(false);
    writer.boolean(true);
    client.write(writer.take());
    const frames = new FramedWriter(bytes => client.write(bytes));
    frames.push(Buffer.from(nar, 'latin1'));
    frames.end();
    assert.equal((await readLogMessage(reader, protocol.version)).kind, 'error', nar);
  }
  const writer = new WireWriter();
  writer.number(4711);
  client.write(writer.take());
  const refusal = await readLogMessage(reader, protocol.version);
  assert.match(refusal.kind === 'error' ? refusal.error.message : '', /invalid operation 4711/);
  assert.match(String(await rig.ends.at(-1)), /invalid operation 4711/);
  assert.deepEqual(listTestStore(rig.folder), []);
});

test('many paths in one request become valid, those before a bad one included', async () => {
  await using rig = new WorkerRig();
  const { storeDir } = rig.local;
  const { client } = rig.serve();
  const reader = new WireReader(client.source);
  const { protocol } = await openWorkerConnection({ reader, send: bytes => client.write(bytes) });
  assert.equal((await readLogMessage(reader, protocol.version)).kind, 'last');
  const additions: PathAddition[] = [];
  for (let at = 0; at < 100; at++) {
    const references = additions.slice(-1).map(({ path }) => path);
    const target = byteStringFromText(`target ${at}`);
    additions.push(offerTree({ type: 'symlink', target }, { name: `p${at}`, storeDir, references }));
  }
  const known = additions[0];
  assert.ok(known !== undefined);
  await rig.local.writer.add([known], { checkSignatures: false });
  const send = async (count: number, change: (info: PathInfo) => PathInfo) => {
    const writer = new WireWriter();
    writeWorkerOperation(writer, 'AddMultipleToStore');
    writer.boolean(false);
    writer.boolean(true);
    client.write(writer.take());
    const frames = new FramedWriter(bytes => client.write(bytes));
    writer.number(count);
    for (const { offers } of additions.slice(0, count)) {
      writePathInfo(writer, storeDir, change(offers[0].info));
      const nar = new NarWriter(bytes => writer.raw(bytes));
      await offers[0].source(nar, () => Promise.resolve());
    }
    frames.push(writer.take());
    frames.end();
    return readLogMessage(reader, protocol.version);
  };
  const bad = additions[80]?.path;
  const refused = await send(90, info =>
    info.path === bad ? { ...info, narHash: hashBytes('sha256', Buffer.of()) } : info,
  );
  assert.match(refused.kind === 'error' ? refused.error.message : '', /hash mismatch/);
  const paths = additions.map(({ path }) => path);
  assert.equal((await rig.local.validPaths(paths)).size, 80);
  assert.equal((await send(100, info => info)).kind, 'last');
  assert.equal((await rig.local.validPaths(paths)).size, 100);
  client.end();
});

test('a client that goes away in the middle of its data leaves nothing', async () => {
  await using rig = new WorkerRig();
  const { storeDir } = rig.local;
  const { path, offers } = offerTree(link, { storeDir });
  const broken = {
    ...offers[0],
    source: async () => {
      throw new Error('the disk is gone');
    },
  };
  await assert.rejects(rig.remote.writer.add([{ path, offers: [broken] }]), /the disk is gone/);
  await rig.ends[0];
  assert.deepEqual(listTestStore(rig.folder), []);
});

test('garbage collected there is told here, and roots are', async () => {
  await using rig = new WorkerRig();
  const path = await addTestPath(rig.local, 'x');
  const { live } = await rig.remote.collector.liveness();
  assert.deepEqual(live, [path], 'whoever added it still keeps it');
  await assert.rejects(rig.remote.collector.collect({ paths: [path] }), /.+/);
  await assert.rejects(rig.remote.collector.addIndirectRoot('/nonexistent', path), /not supported/);
});

/** As `nix-store --export` writes it. */
async function exportOf(storeDir: StoreDir, additions: readonly ReturnType<typeof offerTree>[]): Promise<Buffer> {
  const chunks: Buffer[] = [];
  const writer = new ExportWriter(storeDir, bytes => chunks.push(Buffer.from(bytes)));
  for (const { offers } of additions) {
    await offers[0].source(writer.startObject(), () => Promise.resolve());
    writer.endObject(offers[0].info);
  }
  writer.end();
  return Buffer.concat(chunks);
}

test('an export is imported, those before a failure included', async () => {
  await using rig = new WorkerRig();
  const { storeDir } = rig.local;
  const below = offerTree(link, { name: 'below', storeDir });
  const above = offerTree(link, { name: 'above', storeDir, references: [below.path] });
  const bytes = await exportOf(storeDir, [below, above]);
  const options = { checkSignatures: false };
  await assert.rejects(importPaths(rig.remote, [bytes.subarray(0, -100)], options), /end/i);
  assert.deepEqual(await rig.remote.index.allPaths(), [below.path]);
  assert.deepEqual(await importPaths(rig.remote, [bytes], options), [below.path, above.path]);
  assert.deepEqual((await rig.local.pathInfo(above.path))?.references, [below.path]);
});

test('an export of what refers to an absent path is refused', async () => {
  await using rig = new WorkerRig();
  const { storeDir } = rig.local;
  const below = offerTree(link, { name: 'below', storeDir });
  const above = offerTree(link, { name: 'above', storeDir, references: [below.path] });
  const bytes = await exportOf(storeDir, [above]);
  await assert.rejects(importPaths(rig.remote, [bytes], { checkSignatures: false }), /is not valid/);
  assert.deepEqual(await rig.remote.index.allPaths(), []);
});

test('the store is verified and optimised there', async () => {
  await using rig = new WorkerRig();
  const path = await addTestPath(rig.local, 'x');
  assert.equal(await rig.remote.upkeep.verify({ checkContents: true }), false);
  assert.equal(await rig.remote.upkeep.optimise(), undefined);
  const folder = rig.local.realPath(path);
  chmodSync(folder, 0o755);
  rmSync(join(folder, 'small'));
  assert.equal(await rig.remote.upkeep.verify({ checkContents: true }), true);
  assert.equal(await rig.remote.upkeep.verify({ checkContents: true, repair: true }), false);
  await using wary = new WorkerRig({ isTrusted: false });
  await assert.rejects(wary.remote.upkeep.verify({ repair: true }), /not privileged to repair/);
});

test('links of clients lead to where the paths are, and keep them', async () => {
  using folder = temporaryFolder();
  await using local = new LocalStore({
    dataFolder: join(folder.path, 'data'),
    realStoreDir: join(folder.path, 'elsewhere'),
  });
  const served = new TestServedStore(local);
  const { storeDir } = local;
  const common = { uri: 'unix:///test', reporter: silentReporter };
  await using remote = new WorkerStore({
    ...common,
    traits: { storeDir, priority: undefined, wantMassQuery: undefined, isTrusted: false, pathInfoCacheSize: 0 },
    maxConnections: 1,
    rootMaker: 'us',
    realStoreDir: local.realStoreDir,
    linksToReal: true,
    connect: () => {
      const { client, server } = connectChannels();
      const { signal } = new AbortController();
      void serveWorker(server, served, { isTrusted: true, signal }).finally(() => server.destroy());
      return WorkerConnection.open(client, { ...common, storeDir, preamble: '' });
    },
    resources: { [Symbol.asyncDispose]: () => Promise.resolve() },
  });
  const path = await addTestPath(local, 'x');
  const made = join(folder.path, 'result');
  await remote.collector.addIndirectRoot(made, path);
  assert.equal(readlinkSync(made), local.realPath(path));
  const roots = await remote.collector.findRoots();
  assert.ok(roots.some(root => root.holder === made && root.path === path));
  const tree = await remote.openTree(path);
  assert.deepEqual(await tree.lookup([]), { type: 'directory', names: ['large', 'small'] });
  assert.deepEqual(await tree.lookup([byteStringFromText('large')]), {
    type: 'regular',
    size: 20_000,
    executable: false,
  });
});

test('contents are taken for a store that somebody else keeps, too', async () => {
  await using rig = new WorkerRig();
  const { storeDir } = rig.local;
  const { client, server } = connectChannels();
  const { signal } = new AbortController();
  const serving = serveWorker(server, new TestServedStore(rig.remote), { isTrusted: true, signal });
  const reader = new WireReader(client.source);
  const { protocol } = await openWorkerConnection({ reader, send: bytes => client.write(bytes) });
  assert.equal((await readLogMessage(reader, protocol.version)).kind, 'last');
  const writer = new WireWriter();
  writeWorkerOperation(writer, 'AddToStore');
  writer.string(byteStringFromText('hello'));
  writer.string(byteStringFromText('text:sha256'));
  writer.number(0);
  writer.boolean(false);
  client.write(writer.take());
  const frames = new FramedWriter(bytes => client.write(bytes));
  frames.push(Buffer.from('hello\n'));
  frames.end();
  assert.equal((await readLogMessage(reader, protocol.version)).kind, 'last');
  const info = await readPathInfo(reader, storeDir);
  assert.equal((await rig.local.pathInfo(info.path))?.narSize, info.narSize);
  assert.equal(info.contentAddress?.method, 'text');
  client.end();
  await serving;
});

test('requests that come together are answered in their order, and those before one that is malformed, too', async () => {
  await using rig = new WorkerRig();
  const { storeDir } = rig.local;
  const path = await addTestPath(rig.local, 'x');
  await using client = rig.serve().client;
  const reader = new WireReader(client.source);
  const { protocol } = await openWorkerConnection({ reader, send: bytes => client.write(bytes) });
  const answer = async () => {
    const message = await readLogMessage(reader, protocol.version);
    return message.kind === 'error' ? displayBytes(message.error.message) : message.kind;
  };
  assert.equal(await answer(), 'last');
  const writer = new WireWriter();
  const ask = (operation: WorkerOperation, text: ByteString) => {
    writeWorkerOperation(writer, operation);
    writer.string(text);
  };
  const printed = printStorePath(storeDir, path);
  ask('IsValidPath', printed);
  ask('QueryPathInfo', printed);
  ask('QueryReferrers', printed);
  ask('IsValidPath', printed);
  // The last breaks off, and goes on when the others are answered.
  const requests = writer.take();
  client.write(requests.subarray(0, -8));
  assert.equal(await answer(), 'last');
  assert.equal(await reader.boolean(), true);
  assert.equal(await answer(), 'last');
  assert.equal(await reader.boolean(), true);
  const { narSize } = await readUnkeyedPathInfo(reader, storeDir);
  assert.equal(narSize, (await rig.local.pathInfo(path))?.narSize);
  assert.equal(await answer(), 'last');
  assert.deepEqual(await readStorePaths(reader, storeDir), []);
  ask('IsValidPath', byteStringFromText('nonsense'));
  client.write(Buffer.concat([requests.subarray(-8), writer.take()]));
  assert.equal(await answer(), 'last');
  assert.equal(await reader.boolean(), true);
  assert.match(await answer(), /nonsense/);
  assert.ok(await reader.atEnd(), 'nobody could tell where the next request starts');
});
