import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { gunzipSync, gzipSync, zstdDecompressSync } from 'node:zlib';
import { type ByteString, byteStringFromText, byteStringOf } from '../../base/index.ts';
import { NarWriter, SecretKey, countValidSignatures, defaultStoreDir, parseStorePath } from '../../nix-compat/index.ts';
import {
  HttpRig,
  type TestTree,
  TreeRecorder,
  offerTree,
  openTestStore,
  playTree,
  recordReports,
  temporaryFolder,
} from '../../testing/index.ts';
import { requireFacet } from '../store.ts';
import type { PathAddition, Store } from '../store.ts';

const text = byteStringFromText;
const file = (contents: string, executable = false): TestTree => ({
  type: 'file',
  executable,
  contents: text(contents),
});
const tree: TestTree = {
  type: 'directory',
  entries: [
    [text('a'), file('hello\n')],
    [text('big'), file('0123456789abcdef'.repeat(70_000), true)],
    [text('d'), { type: 'directory', entries: [[text('l'), { type: 'symlink', target: text('../a') }]] }],
  ],
};

function eventsOf(value: TestTree): string[] {
  const recorder = new TreeRecorder();
  playTree(value, recorder);
  return recorder.events;
}

async function streamed(store: Store, { path }: PathAddition): Promise<string[]> {
  const recorder = new TreeRecorder();
  await store.streamPath(path, recorder);
  return recorder.events;
}

async function add(store: Store, ...additions: PathAddition[]): Promise<void> {
  assert.deepEqual(await requireFacet(store, 'writer', 'add').add(additions), []);
}

async function readAll(chunks: AsyncIterable<Uint8Array>): Promise<ByteString> {
  return byteStringOf(Buffer.concat(await Array.fromAsync(chunks)));
}

function narOf(value: TestTree): Buffer {
  const chunks: Buffer[] = [];
  playTree(value, new NarWriter(chunk => chunks.push(Buffer.from(chunk))));
  return Buffer.concat(chunks);
}

const narInfoOf = (folder: string, { path }: PathAddition) => join(folder, `${path.slice(0, 32)}.narinfo`);

/** Replaces fields of a narinfo. */
function edit(path: string, changes: Readonly<Record<string, string>>): void {
  let contents = readFileSync(path, 'latin1');
  for (const [field, value] of Object.entries(changes)) {
    contents = contents.replace(new RegExp(`^${field}: .*$`, 'm'), `${field}: ${value}`);
  }
  writeFileSync(path, contents, 'latin1');
}

describe('a binary cache in a folder', () => {
  for (const method of ['none', 'xz', 'zstd', 'gzip', 'br', 'bzip2', 'lzma']) {
    test(`keeps trees compressed by ${method}`, async () => {
      using folder = temporaryFolder();
      const uri = `file://${folder.path}?compression=${method}&compression-level=1&write-nar-listing=1`;
      const addition = offerTree(tree);
      {
        await using store = await openTestStore(uri.replace('&compression-level=1', method === 'none' ? '' : '$&'));
        await add(store, addition);
      }
      await using store = await openTestStore(`file://${folder.path}`);
      const info = await store.pathInfo(addition.path);
      assert.equal(info?.narSize, addition.offers[0].info.narSize);
      assert.deepEqual(await streamed(store, addition), eventsOf(tree));
      const access = await store.openTree(addition.path);
      assert.equal(await readAll(access.read([text('a')])), 'hello\n');
      assert.deepEqual(await access.lookup([text('d')]), { type: 'directory', names: ['l'] });
      assert.equal((await access.lookup([text('big')]))?.type, 'regular');
      assert.equal(await access.lookup([text('b')]), undefined);
      await assert.rejects(readAll(access.read([text('d')])), { code: 'tree/not-a-file' });
      assert.deepEqual(readdirSync(join(folder.path, 'nar')).length, 1);
    });
  }

  test('is made with what C++ Nix makes, and says for which store it is', async () => {
    using folder = temporaryFolder();
    await using _store = await openTestStore(`file://${folder.path}/new?index-debug-info=1`);
    assert.equal(readFileSync(join(folder.path, 'new/nix-cache-info'), 'utf8'), 'StoreDir: /nix/store\n');
    assert.deepEqual(readdirSync(join(folder.path, 'new')).toSorted(), [
      'debuginfo',
      'log',
      'nar',
      'nix-cache-info',
      'realisations',
    ]);
    await assert.rejects(openTestStore(`file://${folder.path}/new?store=/other`), {
      code: 'cache/other-store-dir',
      message: `binary cache 'file://${folder.path}/new' is for Nix stores with prefix '/nix/store', not '/other'`,
    });
  });

  test('has the traits of its nix-cache-info unless the URI has others', async () => {
    using folder = temporaryFolder();
    writeFileSync(join(folder.path, 'nix-cache-info'), 'StoreDir: /nix/store\nWantMassQuery: 1\nPriority: 30\n');
    await using told = await openTestStore(`file://${folder.path}`);
    assert.deepEqual([told.priority, told.wantMassQuery, told.isTrusted], [30, true, false]);
    await using given = await openTestStore(`file://${folder.path}?priority=7&want-mass-query=0&trusted=1`);
    assert.deepEqual([given.priority, given.wantMassQuery, given.isTrusted], [7, false, true]);
  });

  test('signs with all its keys, and takes signatures', async () => {
    using folder = temporaryFolder();
    const keys = ['a-1', 'b-1'].map(name => SecretKey.generate(name));
    for (const key of keys) writeFileSync(join(folder.path, key.name), key.format());
    const uri = `file://${folder.path}/c?secret-key=${folder.path}/a-1&secret-keys=${folder.path}/b-1`;
    const addition = offerTree(tree);
    {
      await using store = await openTestStore(uri);
      await add(store, addition);
      const other = SecretKey.generate('c-1').sign(Buffer.from('x'));
      await store.writer?.addSignatures(addition.path, [other]);
    }
    await using store = await openTestStore(`file://${folder.path}/c`);
    const info = await store.pathInfo(addition.path);
    assert.ok(info);
    assert.deepEqual(
      info.signatures.map(({ keyName }) => keyName),
      ['a-1', 'b-1', 'c-1'],
    );
    const known = new Map(keys.map(key => [key.name, key.publicKey]));
    assert.equal(countValidSignatures(defaultStoreDir, info, known), 2);
    await assert.rejects(openTestStore(`file://${folder.path}/c?secret-key=/nonexistent`), {
      code: 'cache/bad-secret-key',
    });
  });

  test('lists what it has', async () => {
    using folder = temporaryFolder();
    await using store = await openTestStore(`file://${folder.path}?compression=none`);
    const one = offerTree(file('1'), { name: 'one' });
    const two = offerTree(file('2'), { name: 'two', references: [one.path] });
    await add(store, two, one);
    assert.deepEqual(await store.index?.allPaths(), [one.path, two.path].toSorted());
    assert.deepEqual(await store.index?.referrers(one.path), [two.path]);
    assert.equal(await store.pathFromHashPart(one.path.slice(0, 32)), one.path);
    assert.equal(await store.pathFromHashPart('../nix-cache-info'), undefined);
    const absent = parseStorePath(`${'0'.repeat(32)}-x`);
    assert.deepEqual(await store.validPaths([absent, one.path]), new Set([one.path]));
  });

  test('indexes debug information', async () => {
    using folder = temporaryFolder();
    await using store = await openTestStore(`file://${folder.path}?compression=none&index-debug-info=1`);
    const wrap = (name: string, node: TestTree): TestTree => ({ type: 'directory', entries: [[text(name), node]] });
    const id = '623eda209c26a59b1a8638ff7752f6b945c26b.debug';
    const debug = wrap('lib', wrap('debug', wrap('.build-id', wrap('02', wrap(id, file('foo\n'))))));
    await add(store, offerTree(debug));
    assert.deepEqual(JSON.parse(readFileSync(join(folder.path, 'debuginfo', `02${id}`), 'utf8')), {
      archive: '../nar/100vxs724qr46phz8m24iswmg9p3785hsyagz0kchf6q6gf06sw6.nar',
      member: `lib/debug/.build-id/02/${id}`,
    });
  });

  test('keeps logs and realisations', async () => {
    using folder = temporaryFolder();
    await using store = await openTestStore(`file://${folder.path}`);
    const drv = parseStorePath(`${'1'.repeat(32)}-x.drv`);
    assert.equal(await store.buildLog(drv), undefined);
    await store.writer?.addBuildLog(drv, Buffer.from('log\n'));
    assert.equal(Buffer.from((await store.buildLog(drv)) ?? '').toString(), 'log\n');
    const id = { derivationHash: { algorithm: 'sha256', digest: Buffer.alloc(32) }, output: text('out') } as const;
    assert.equal(await store.realisation(id), undefined);
    const [path, other] = ['2', '3'].map(digit => parseStorePath(`${digit.repeat(32)}-x`));
    assert.ok(path !== undefined && other !== undefined);
    await store.writer?.addRealisation({ id, path, signatures: [] });
    assert.deepEqual(await store.realisation(id), { path, signatures: [] });
    await assert.rejects(async () => store.writer?.addRealisation({ id, path: other, signatures: [] }), {
      code: 'realisation/conflict',
    });
  });

  test('keeps NARs for looking around where it is told to', async () => {
    using folder = temporaryFolder();
    const addition = offerTree(tree);
    const uri = `file://${folder.path}/c?local-nar-cache=${folder.path}/nars`;
    {
      await using store = await openTestStore(uri);
      await add(store, addition);
      assert.equal(await readAll((await store.openTree(addition.path)).read([text('a')])), 'hello\n');
    }
    rmSync(join(folder.path, 'c/nar'), { recursive: true });
    await using store = await openTestStore(uri);
    assert.equal(await readAll((await store.openTree(addition.path)).read([text('a')])), 'hello\n');
    const { reporter, reports } = recordReports();
    for (const name of readdirSync(join(folder.path, 'nars'))) writeFileSync(join(folder.path, 'nars', name), 'x');
    await using broken = await openTestStore(uri, { reporter });
    await assert.rejects(broken.openTree(addition.path), { code: 'cache/missing-file' });
    assert.match(JSON.stringify(reports), /cannot be used and is fetched again: it has 1 bytes/);
  });
});

describe('adding to a binary cache', () => {
  test('needs what a path refers to', async () => {
    using folder = temporaryFolder();
    await using store = await openTestStore(`file://${folder.path}?compression=none`);
    const absent = parseStorePath(`${'0'.repeat(32)}-x`);
    const addition = offerTree(tree, { references: [absent] });
    await assert.rejects(add(store, addition), {
      code: 'path/missing-reference',
      message: `cannot add '/nix/store/${addition.path}' to the binary cache because the reference '/nix/store/${absent}' is not valid`,
    });
    assert.equal(await store.pathInfo(addition.path), undefined);
  });

  test('goes on without what failed and what refers to it, where asked to', async () => {
    using folder = temporaryFolder();
    await using store = await openTestStore(`file://${folder.path}?compression=none`);
    const bad = offerTree(file('bad'), { name: 'bad', info: { narSize: 17 } });
    const child = offerTree(file('child'), { name: 'child', references: [bad.path] });
    const good = offerTree(file('good'), { name: 'good' });
    const failures = await store.writer?.add([child, bad, good], { keepGoing: true, concurrency: 1 });
    assert.deepEqual(
      failures?.map(({ path, error }) => [path, 'code' in error && error.code]),
      [
        [bad.path, 'path/hash-mismatch'],
        [child.path, 'path/missing-reference'],
      ],
    );
    assert.deepEqual(await store.index?.allPaths(), [good.path]);
  });

  test('takes the next offer where one is no good', async () => {
    using folder = temporaryFolder();
    const { reporter, reports } = recordReports();
    await using store = await openTestStore(`file://${folder.path}?compression=none`, { reporter });
    const good = offerTree(tree);
    const lying = { ...good.offers[0], source: offerTree(file('x')).offers[0].source };
    await add(store, { path: good.path, offers: [lying, ...good.offers] });
    assert.deepEqual(await streamed(store, good), eventsOf(tree));
    assert.match(JSON.stringify(reports), /warning: hash mismatch importing path/);
    assert.deepEqual(readdirSync(join(folder.path, 'nar')).length, 1);
  });

  test('writes nothing that is there, but for repair', async () => {
    using folder = temporaryFolder();
    await using store = await openTestStore(`file://${folder.path}?compression=none`);
    const addition = offerTree(tree);
    await add(store, addition);
    const [nar = ''] = readdirSync(join(folder.path, 'nar'));
    writeFileSync(join(folder.path, 'nar', nar), 'x');
    await add(store, addition);
    await assert.rejects(streamed(store, addition), { code: 'nar/truncated' });
    await store.writer?.add([addition], { repair: true });
    assert.deepEqual(await streamed(store, addition), eventsOf(tree));
  });

  test('refuses levels and methods that do not exist', async () => {
    using folder = temporaryFolder();
    await using high = await openTestStore(`file://${folder.path}?compression=zstd&compression-level=23`);
    await assert.rejects(add(high, offerTree(tree)), { code: 'cache/bad-compression-level' });
    await using grzip = await openTestStore(`file://${folder.path}?compression=grzip`);
    await assert.rejects(add(grzip, offerTree(tree)), { code: 'cache/unknown-compression' });
    await assert.rejects(openTestStore(`file://${folder.path}?compression=foo`), {
      code: 'cache/unknown-compression',
      message: "option 'compression' has invalid value 'foo'",
    });
    assert.deepEqual(readdirSync(join(folder.path, 'nar')), []);
  });
});

describe('a binary cache that lies', () => {
  const addition = offerTree(tree);

  async function corrupted(
    method: string,
    change: (folder: string, narInfo: string, nar: string) => void,
  ): Promise<{ readonly error: unknown }> {
    using folder = temporaryFolder();
    {
      await using store = await openTestStore(`file://${folder.path}?compression=${method}`);
      await add(store, addition);
    }
    const [nar = ''] = readdirSync(join(folder.path, 'nar'));
    change(folder.path, narInfoOf(folder.path, addition), join(folder.path, 'nar', nar));
    await using store = await openTestStore(`file://${folder.path}`);
    try {
      await streamed(store, addition);
      return { error: undefined };
    } catch (error) {
      return { error };
    }
  }

  const cases: [
    what: string,
    code: string,
    message: RegExp,
    change: (folder: string, narInfo: string, nar: string) => void,
    method?: string,
  ][] = [
    [
      'a NAR of other contents',
      'path/hash-mismatch',
      /^hash mismatch importing path/,
      (_, narInfo) => edit(narInfo, { NarHash: `sha256:${'0'.repeat(52)}` }),
    ],
    [
      'too small a size',
      'path/hash-mismatch',
      /^size mismatch importing path .*\n {2}specified: 1000\n/,
      (_, narInfo) => edit(narInfo, { NarSize: '1000' }),
    ],
    [
      'too large a size',
      'path/hash-mismatch',
      /^size mismatch importing path .*\n {2}specified: 9000000\n/,
      (_, narInfo) => edit(narInfo, { NarSize: '9000000' }),
    ],
    [
      'a truncated NAR',
      'nar/truncated',
      /unexpected end-of-file/,
      (_, _narInfo, nar) => writeFileSync(nar, readFileSync(nar).subarray(0, -100)),
    ],
    [
      'no NAR',
      'cache/missing-file',
      /^file 'nar\/.*' does not exist in binary cache 'file:\/\//,
      (_, _narInfo, nar) => rmSync(nar),
    ],
    [
      'a NAR outside of the cache',
      'cache/bad-path',
      /must not contain '\.\.'/,
      (_, narInfo) => edit(narInfo, { URL: 'nar/../../x' }),
    ],
    [
      'a NAR at an absolute path',
      'cache/bad-path',
      /must not be absolute/,
      (_, narInfo) => edit(narInfo, { URL: '/etc/passwd' }),
    ],
    [
      'a method nobody knows',
      'cache/unknown-compression',
      /^unknown compression method 'foo'$/,
      (_, narInfo) => edit(narInfo, { Compression: 'foo' }),
    ],
    [
      'another path',
      'path/invalid',
      /is not valid/,
      (_, narInfo) => edit(narInfo, { StorePath: `/nix/store/${'0'.repeat(32)}-tree` }),
    ],
    [
      'another name',
      'path/invalid',
      /is not valid/,
      (_, narInfo) => edit(narInfo, { StorePath: `/nix/store/${addition.path.slice(0, 32)}-other` }),
    ],
    [
      'a narinfo that is none',
      'narinfo/malformed',
      /^NAR info file '.*\.narinfo' is corrupt: expecting ':'/,
      (_, narInfo) => writeFileSync(narInfo, 'foo'),
    ],
    [
      'a narinfo without end',
      'cache/file-too-large',
      /more than the 4194304 bytes/,
      (_, narInfo) => writeFileSync(narInfo, Buffer.alloc(5_000_000)),
    ],
    ...['xz', 'zstd', 'gzip', 'br', 'bzip2'].flatMap((method): (typeof cases)[number][] => [
      [
        `a truncated ${method} file`,
        'cache/codec-failed',
        /./,
        (_, _narInfo, nar) => writeFileSync(nar, readFileSync(nar).subarray(0, -9)),
        method,
      ],
      [`an empty ${method} file`, 'cache/codec-failed', /./, (_, _narInfo, nar) => writeFileSync(nar, ''), method],
      [
        `a damaged ${method} file`,
        'cache/codec-failed',
        /./,
        (_, _narInfo, nar) => writeFileSync(nar, Buffer.alloc(1000, 'x')),
        method,
      ],
    ]),
    [
      'a bomb',
      'path/hash-mismatch',
      /^size mismatch/,
      (_, _narInfo, nar) => writeFileSync(nar, gzipSync(narOf(file('\0'.repeat(50_000_000))))),
      'gzip',
    ],
    [
      'a file of nothing, over and over',
      'path/hash-mismatch',
      /bytes compressed/,
      (_, _narInfo, nar) => writeFileSync(nar, Buffer.alloc(20 * 400_000, gzipSync(''))),
      'gzip',
    ],
  ];
  for (const [what, code, message, change, method = 'none'] of cases) {
    test(`is found out: ${what}`, async () => {
      const { error } = await corrupted(method, change);
      assert.ok(error instanceof Error && 'code' in error, String(error));
      assert.equal(error.code, code, error.message);
      assert.match(error.message, message);
    });
  }

  test('has its listings ignored where they do not fit', async () => {
    using folder = temporaryFolder();
    await using store = await openTestStore(`file://${folder.path}?compression=none`);
    await add(store, addition);
    const listing = narInfoOf(folder.path, addition).replace('.narinfo', '.ls');
    const root = { type: 'regular', size: 5, narOffset: 1e15 };
    for (const contents of ['{', '{"version":2}', JSON.stringify({ version: 1, root })]) {
      writeFileSync(listing, contents);
      const access = await store.openTree(addition.path);
      assert.equal((await access.lookup([]))?.type, 'directory');
    }
  });
});

describe('a binary cache behind a server', () => {
  test('is written to and read from, and what it said is remembered', async () => {
    using folder = temporaryFolder();
    using home = temporaryFolder();
    await using rig = await HttpRig.start({ folder: folder.path });
    const addition = offerTree(tree);
    const encodings = 'narinfo-compression=gzip&ls-compression=zstd&write-nar-listing=1';
    {
      await using store = await openTestStore(`${rig.url}/?compression=zstd&${encodings}`, { cacheFolder: home.path });
      assert.equal(store.uri, rig.url);
      assert.equal(await store.pathInfo(addition.path), undefined);
      await add(store, addition);
    }
    const encoded = rig.requests.filter(({ method, headers }) => method === 'PUT' && headers['content-encoding']);
    assert.deepEqual(
      encoded.map(({ headers }) => headers['content-encoding']),
      ['zstd', 'gzip'],
    );
    for (const { url } of encoded) {
      const path = join(folder.path, url);
      const decode = url.endsWith('.ls') ? zstdDecompressSync : gunzipSync;
      writeFileSync(path, decode(readFileSync(path)));
    }
    const before = rig.requests.length;
    await using store = await openTestStore(rig.url, { cacheFolder: home.path });
    assert.equal((await store.pathInfo(addition.path))?.path, addition.path);
    assert.equal(rig.requests.length, before);
    assert.deepEqual(await streamed(store, addition), eventsOf(tree));
    await using fresh = await openTestStore(rig.url, {
      cacheFolder: home.path,
      settings: { 'narinfo-cache-positive-ttl': '0', 'narinfo-cache-meta-ttl': '0' },
    });
    assert.equal((await fresh.pathInfo(addition.path))?.path, addition.path);
    assert.equal(rig.count('GET', '/nix-cache-info'), 2);
  });

  test('is none where nothing is there and nothing can be put there', async () => {
    using folder = temporaryFolder();
    await using rig = await HttpRig.start({
      folder: folder.path,
      fault: ({ method }) => (method === 'PUT' ? { kind: 'answer', status: 405 } : undefined),
    });
    await assert.rejects(openTestStore(rig.url), {
      code: 'cache/not-a-cache',
      message: `'${rig.url}' does not appear to be a binary cache`,
    });
    await assert.rejects(openTestStore('http://'), { code: 'store-uri/malformed' });
  });

  test('that is truncated or stalls for good is a clear error', async () => {
    using folder = temporaryFolder();
    const addition = offerTree(tree);
    {
      await using store = await openTestStore(`file://${folder.path}?compression=none`);
      await add(store, addition);
    }
    for (const kind of ['truncate', 'stall'] as const) {
      await using rig = await HttpRig.start({
        folder: folder.path,
        fault: ({ url }) => (url.startsWith('/nar/') ? { kind, after: 1000 } : undefined),
      });
      const settings = { 'download-attempts': '1', 'stalled-download-timeout': '1' };
      await using store = await openTestStore(rig.url, { settings });
      await assert.rejects(streamed(store, addition), {
        code: 'cache/transfer-failed',
        message: kind === 'stall' ? /Timeout was reached/ : /Transferred a partial file/,
      });
    }
  });

  test('is not waited for once a NAR is found to be wrong', async () => {
    using folder = temporaryFolder();
    const addition = offerTree({ type: 'file', executable: false, contents: byteStringOf(randomBytes(3_000_000)) });
    {
      await using store = await openTestStore(`file://${folder.path}?compression=zstd`);
      await add(store, addition);
    }
    edit(narInfoOf(folder.path, addition), { NarSize: '100000', FileSize: '3000000' });
    await using rig = await HttpRig.start({
      folder: folder.path,
      fault: ({ url }) => (url.startsWith('/nar/') ? { kind: 'stall', after: 1_000_000 } : undefined),
    });
    await using store = await openTestStore(rig.url);
    await assert.rejects(streamed(store, addition), { code: 'path/hash-mismatch' });
  });

  test('may be files that pass for a server', async context => {
    process.env['_NIX_FORCE_HTTP'] = '1';
    context.after(() => delete process.env['_NIX_FORCE_HTTP']);
    using folder = temporaryFolder();
    using home = temporaryFolder();
    await assert.rejects(openTestStore(`file://${folder.path}`), {
      message: /^uploading to 'file:.*' is not supported$/,
    });
    writeFileSync(join(folder.path, 'nix-cache-info'), 'StoreDir: /nix/store\nPriority: 3\n');
    await using _store = await openTestStore(`file://${folder.path}`, { cacheFolder: home.path });
    rmSync(join(folder.path, 'nix-cache-info'));
    await using again = await openTestStore(`file://${folder.path}`, { cacheFolder: home.path });
    assert.equal(again.priority, 3);
  });
});
