import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { gunzipSync, zstdDecompressSync } from 'node:zlib';
import {
  NarWriter,
  type PathInfo,
  type RootClaim,
  SecretKey,
  type StorePath,
  formatNarInfo,
  isSigned,
  storePathHashPart,
} from '../../nix-compat/index.ts';
import { byteStringFromText } from '../../base/index.ts';
import { LocalStore, type Store, addToStore, copyPaths, isTrustedClaim, parseRoot } from '../../store/index.ts';
import { CacheSiteRig, addTestPath, openTestStore } from '../../testing/index.ts';

const key = SecretKey.generate('test');

/** Another store of the same store directory, with the paths of clients. */
async function otherStore(rig: CacheSiteRig): Promise<LocalStore> {
  const uri = `local?root=${rig.folder}/other&store=${rig.store.storeDir}`;
  const store = await openTestStore(uri, { storeDir: rig.store.storeDir });
  assert.ok(store instanceof LocalStore);
  return store;
}

async function infoOf(store: Store, path: StorePath): Promise<PathInfo> {
  const info = await store.pathInfo(path);
  assert.ok(info !== undefined);
  return info;
}

/** A path that another store has: what it is, and its NAR. */
async function offered(other: LocalStore, name: string, references: readonly StorePath[] = []) {
  const path = await addTestPath(other, name, references);
  const chunks: Buffer[] = [];
  await other.streamPath(path, new NarWriter(chunk => chunks.push(Buffer.from(chunk))));
  return { path, info: await infoOf(other, path), nar: Buffer.concat(chunks) };
}

describe('BinaryCacheSite', () => {
  it('says what the trees are, so that they can be read blob by blob', async () => {
    await using rig = await CacheSiteRig.open({ keys: [key] });
    const path = await addTestPath(rig.store, 'a');
    await using client = await rig.client();
    const [found] = await Promise.all([client.pathInfo(path), client.lazyTrees?.claim(path)]);
    const claim = (await client.lazyTrees?.claim(path)) ?? assert.fail('nothing is claimed');
    assert.deepEqual(parseRoot(claim.root), await rig.store.rootOf(path));
    const info = found ?? assert.fail('absent');
    const { storeDir } = rig.store;
    const trusted = new Map([[key.name, key.publicKey]]);
    const isTrusted = (changes: Partial<RootClaim>, other = info.path) =>
      isTrustedClaim(
        storeDir,
        { requireSignatures: true, trustedKeys: trusted },
        { info: { ...info, path: other }, claim: { ...claim, ...changes } },
      );
    assert.ok(isTrusted({}));
    assert.ok(!isTrusted({ root: byteStringFromText('link:AA==') }));
    assert.ok(!isTrusted({ signatures: [] }));
    assert.ok(!isTrusted({}, await addTestPath(rig.store, 'b')));
  });

  it('says what a tree is to whoever sent it and remembers what he sent', async () => {
    await using rig = await CacheSiteRig.open();
    await using other = await otherStore(rig);
    const path = await addTestPath(other, 'sent');
    await using client = await rig.client();
    await copyPaths(other, client, [path], { checkSignatures: false });
    assert.ok(!('rootClaim' in (await infoOf(client, path))));
    const claim = (await client.lazyTrees?.claim(path)) ?? assert.fail('nothing is claimed');
    assert.deepEqual(parseRoot(claim.root), await rig.store.rootOf(path));
  });

  it('serves NARs in every compression, as narinfos describe them', async () => {
    await using rig = await CacheSiteRig.open({ keys: [key] });
    const path = await addTestPath(rig.store, 'a');
    const info = await rig.narInfo(path);
    assert.equal(await isSigned(rig.store.storeDir, info, new Map([['test', key.publicKey]])), true);
    const plain = info.url.replace(/\.zst$/, '');
    const nar = await rig.bytes(plain);
    assert.equal(nar.byteLength, info.narSize);
    assert.deepEqual(createHash('sha256').update(nar).digest(), Buffer.from(info.narHash.digest));
    assert.deepEqual(zstdDecompressSync(await rig.bytes(info.url)), nar);
    assert.deepEqual(gunzipSync(await rig.bytes(`${plain}.gz`)), nar);
    const head = await rig.fetch(plain, { method: 'HEAD' });
    assert.equal(head.headers.get('content-length'), String(info.narSize));
    const part = await rig.fetch(`main/${plain}`, { headers: { range: 'bytes=1000-1999' } });
    assert.equal(part.status, 206);
    assert.deepEqual(Buffer.from(await part.arrayBuffer()), nar.subarray(1000, 2000));
    assert.equal(await rig.status(plain, { headers: { range: `bytes=${info.narSize}-` } }), 416);
  });

  it('says when nothing has changed, and what it lacks', async () => {
    await using rig = await CacheSiteRig.open();
    const path = await addTestPath(rig.store, 'a');
    const name = `${storePathHashPart(path)}.narinfo`;
    for (const each of [name, (await rig.narInfo(path)).url]) {
      const etag = (await rig.fetch(each, { method: 'HEAD' })).headers.get('etag') ?? '';
      assert.equal(await rig.status(each, { headers: { 'if-none-match': etag } }), 304);
      assert.equal(await rig.status(each, { headers: { 'if-none-match': '"other"' } }), 200);
    }
    const absent = await rig.fetch('0000000000000000000000000000000a.narinfo');
    assert.equal(absent.status, 404);
    assert.match(await absent.text(), /nothing of the path with the hash part 0000/);
    assert.equal(await rig.status('log/0000000000000000000000000000000a-x.drv'), 404);
    assert.equal(await rig.status(`realisations/sha256:${'0'.repeat(64)}!out.doi`), 404);
    assert.equal(await rig.status('elsewhere'), 404);
    assert.equal(await rig.status(`${name}/../../etc/passwd`), 404);
    assert.equal(await rig.status(name, { method: 'DELETE' }), 405);
    assert.equal(await rig.status(`unknown/${name}`), 400);
  });

  it('is a cache that a client copies closures from, with listings and logs', async () => {
    await using rig = await CacheSiteRig.open();
    const first = await addTestPath(rig.store, 'first');
    const second = await addTestPath(rig.store, 'second', [first]);
    await rig.store.writer?.addBuildLog(second, Buffer.from('built\n'));
    await using client = await rig.client();
    await using other = await otherStore(rig);
    await copyPaths(client, other, [first, second], { checkSignatures: false });
    assert.deepEqual((await infoOf(other, second)).references, [first]);
    const tree = await client.openTree(second);
    assert.equal((await tree.lookup([byteStringFromText('large')]))?.type, 'regular');
    assert.equal(Buffer.from((await client.buildLog(second)) ?? []).toString(), 'built\n');
    assert.match((await rig.bytes('nix-cache-info')).toString(), /^StoreDir: \/.*\nWantMassQuery: 1\nPriority: 30\n$/);
  });

  it('takes what is known by its contents, or signed, from those who may write', async () => {
    await using rig = await CacheSiteRig.open();
    await using other = await otherStore(rig);
    const { path, info, nar } = await offered(other, 'sent');
    assert.equal(await sendPath(rig, info, nar, {}), 200);
    assert.equal((await rig.store.validPaths([path])).size, 1);
    assert.deepEqual(readdirSync(join(rig.folder, 'spool/nar')), []);
    assert.equal(await sendPath(rig, info, nar, {}), 200, 'again');
    const more = await offered(other, 'more');
    const unknown = { ...more.info, contentAddress: undefined };
    assert.equal(await sendPath(rig, unknown, more.nar, {}), 403);
    assert.equal(await sendPath(rig, unknown, more.nar, { authorization: 'Bearer admin' }), 200);
    assert.equal((await rig.store.validPaths([more.path])).size, 1);
  });

  it('refuses what is not true, and keeps nothing of it', async () => {
    await using rig = await CacheSiteRig.open();
    await using other = await otherStore(rig);
    const reference = await addTestPath(other, 'reference');
    const { path, info, nar } = await offered(other, 'sent', [reference]);
    const admin = { authorization: 'Bearer admin' };
    assert.equal(await sendPath(rig, info, nar, admin), 412, 'what it refers to is absent');
    const alone = { ...info, references: [], contentAddress: undefined };
    const changed = Buffer.from(nar);
    changed.writeUInt8(changed.readUInt8(1500) ^ 1, 1500);
    assert.equal(await sendPath(rig, alone, changed, admin), 400);
    assert.equal(await sendPath(rig, alone, nar.subarray(0, 5000), admin), 400);
    assert.equal(await sendPath(rig, { ...alone, narSize: info.narSize + 1 }, nar, admin), 400);
    const name = `${storePathHashPart(path)}.narinfo`;
    const body = formatNarInfo(rig.store.storeDir, withFile(alone, 'nar/absent.nar'));
    assert.equal(await rig.status(name, { method: 'PUT', body, headers: admin }), 412, 'its NAR was not sent');
    const elsewhere = '0000000000000000000000000000000a.narinfo';
    assert.equal(await rig.status(elsewhere, { method: 'PUT', body, headers: admin }), 400);
    assert.equal(await rig.status(name, { method: 'PUT', body: 'nonsense', headers: admin }), 400);
    assert.equal((await rig.store.validPaths([path])).size, 0);
    assert.deepEqual(readdirSync(join(rig.folder, 'spool/nar')), []);
    assert.equal(await sendPath(rig, alone, nar, admin), 200);
  });

  it('has NARs under the names that they were sent by', async () => {
    await using rig = await CacheSiteRig.open();
    await using other = await otherStore(rig);
    const { info, nar } = await offered(other, 'sent');
    assert.equal(await sendPath(rig, info, nar), 200);
    assert.deepEqual(await rig.bytes(sentName(nar)), nar);
    assert.equal(await rig.status(`main/${sentName(nar)}`), 404, 'it was not sent there');
    assert.equal(await sendPath(rig, info, nar, { instance: 'main/' }), 200);
    assert.deepEqual(await rig.bytes(`main/${sentName(nar)}`), nar);
  });

  it('has in a private instance what was sent to it, and nothing else', async () => {
    await using rig = await CacheSiteRig.open();
    await using other = await otherStore(rig);
    const base = await offered(other, 'base');
    const { path, info, nar } = await offered(other, 'sent', [base.path]);
    const admin = { authorization: 'Bearer admin' };
    for (const each of [base, { info: { ...info, contentAddress: undefined }, nar }]) {
      assert.equal(await sendPath(rig, each.info, each.nar, admin), 200);
    }
    const log = { method: 'PUT', body: 'log\n' };
    assert.equal(await rig.status(`log/${path}`, log), 200);
    const described = await rig.narInfo(path);
    const hashPart = storePathHashPart(path);
    const files = [`${hashPart}.narinfo`, `${hashPart}.ls`, described.url, sentName(nar), `log/${path}`];
    for (const file of files) {
      assert.equal(await rig.status(file), 200, file);
      assert.equal(await rig.status(`team/${file}`), 404, file);
    }

    // Knowing a path's name is not having it, nor is referring to it.
    const team = { instance: 'team/', ...admin };
    const body = new Uint8Array(formatNarInfo(rig.store.storeDir, described));
    assert.equal(await rig.status(`team/${hashPart}.narinfo`, { method: 'PUT', body, headers: admin }), 412);
    assert.equal(await sendPath(rig, info, nar, team), 412, 'what it refers to was not sent');
    assert.equal(await sendPath(rig, base.info, base.nar, team), 200);
    const changed = Buffer.from(nar);
    changed.writeUInt8(changed.readUInt8(1500) ^ 1, 1500);
    assert.equal(await sendPath(rig, info, changed, team), 400);
    assert.equal(await rig.status(`team/${hashPart}.narinfo`), 404);
    assert.equal(await sendPath(rig, info, nar, team), 200);
    assert.equal(await rig.status(`team/log/${path}`, { ...log, body: 'another\n' }), 412);
    assert.equal(await rig.status(`team/log/${path}`, log), 200);
    for (const file of files) assert.equal(await rig.status(`team/${file}`), 200, file);
  });

  it('says where debug information is, by build id', async () => {
    await using rig = await CacheSiteRig.open();
    const id = 'ab'.repeat(20);
    assert.equal(await rig.status(`debuginfo/${id}`), 404);
    const { path, file } = await addDebugInfo(rig.store, id);
    for (const name of [id, `${id}.debug`]) {
      const link = new URL(`debuginfo/${name}`, `${rig.uri}/main/`);
      const { archive, member } = JSON.parse(await (await fetch(link)).text()) as Record<string, string>;
      assert.equal(member, `lib/debug/.build-id/ab/${id.slice(2)}.debug`);
      // As dwarffs resolves it: against the folder of the link.
      const nar = await (await fetch(new URL(archive ?? '', link))).arrayBuffer();
      assert.equal(nar.byteLength, (await infoOf(rig.store, path)).narSize);
      assert.ok(Buffer.from(nar).includes(file));
    }
    const head = await rig.fetch(`debuginfo/${id}`, { method: 'HEAD' });
    assert.deepEqual([head.status, head.headers.get('content-type')], [200, 'application/json']);
    assert.equal(await rig.status(`debuginfo/${'cd'.repeat(20)}`), 404);
    assert.equal(await rig.status(`debuginfo/${id.slice(1)}`), 404);
    assert.equal(await rig.status(`team/debuginfo/${id}`), 404, 'it was not sent there');
    rig.store.temporaryRoots[Symbol.dispose]();
    await rig.store.collector.collect({ paths: [path] });
    assert.equal(await rig.status(`debuginfo/${id}`), 404);
    await addDebugInfo(rig.store, id);
    assert.equal(await rig.status(`debuginfo/${id}`), 200);
  });

  it('asks for the right to write', async () => {
    await using rig = await CacheSiteRig.open({}, { anonymous: { instances: ['main'], rights: ['read'] } });
    assert.equal(await rig.status('nix-cache-info'), 401);
    assert.equal(await rig.status('main/nix-cache-info'), 200);
    assert.equal(await rig.status('main/nar/x.nar', { method: 'PUT', body: 'x' }), 401);
  });

  it('has what it lacks from upstream, once however many ask', async () => {
    await using rig = await CacheSiteRig.open({
      keys: [key],
      upstream: {
        find: async hashPart => {
          const path = await origin.pathFromHashPart(hashPart);
          return path === undefined ? undefined : origin.pathInfo(path);
        },
        fetch: async path => {
          fetches++;
          await copyPaths(origin, rig.store, [path], { checkSignatures: false });
        },
      },
    });
    let fetches = 0;
    await using origin = await otherStore(rig);
    const path = await addTestPath(origin, 'a');
    const described = await rig.narInfo(path);
    assert.deepEqual(described.signatures, [], 'what was not looked at is not signed');
    const nars = await Promise.all(Array.from({ length: 5 }, () => rig.bytes(described.url)));
    assert.equal(fetches, 1);
    assert.equal(new Set(nars.map(nar => nar.toString('latin1'))).size, 1);
    assert.equal((await rig.narInfo(path)).signatures.length, 1);
    assert.equal(await rig.status('0000000000000000000000000000000a.narinfo'), 404);
  });
});

/** A path as those that nixpkgs makes with `separateDebugInfo`. */
async function addDebugInfo(
  store: LocalStore,
  id: string,
): Promise<{ readonly path: StorePath; readonly file: Buffer }> {
  const file = Buffer.from(`debug information about ${id}`);
  const folders = ['lib', 'debug', '.build-id', id.slice(0, 2)];
  const info = await addToStore(
    store,
    async sink => {
      for (const name of folders) {
        sink.startDirectory();
        sink.entry(byteStringFromText(name));
      }
      sink.startDirectory();
      sink.entry(byteStringFromText(`${id.slice(2)}.debug`));
      sink.startFile(false, file.byteLength);
      sink.fileData(file);
      sink.endFile();
      for (let depth = 0; depth <= folders.length; depth++) sink.endDirectory();
    },
    { name: 'x-debug', references: { others: [], self: false } },
  );
  return { path: info.path, file };
}

function withFile(info: PathInfo, url: string) {
  return { ...info, url: byteStringFromText(url), compression: byteStringFromText('none'), fileSize: 0 };
}

/** As a client does: the NAR, then what it is. The status of the latter. */
async function sendPath(
  rig: CacheSiteRig,
  info: PathInfo,
  nar: Buffer,
  { instance = '', ...headers }: Record<string, string> = {},
): Promise<number> {
  const url = sentName(nar);
  assert.equal(await rig.status(`${instance}${url}`, { method: 'PUT', body: new Uint8Array(nar), headers }), 200);
  const body = new Uint8Array(formatNarInfo(rig.store.storeDir, withFile(info, url)));
  return rig.status(`${instance}${storePathHashPart(info.path)}.narinfo`, { method: 'PUT', body, headers });
}

function sentName(nar: Buffer): string {
  return `nar/${createHash('sha1').update(nar).digest('hex')}.nar`;
}
