import assert from 'node:assert/strict';
import { once } from 'node:events';
import { existsSync, readdirSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { gzipSync } from 'node:zlib';
import { byteStringFromText } from '../../base/index.ts';
import {
  type NarInfo,
  NarWriter,
  WireWriter,
  formatNarInfo,
  hashBytes,
  makeFixedOutputPath,
  storePathHashPart,
} from '../../nix-compat/index.ts';
import { CacheSiteRig, addTestPath, playTree } from '../../testing/index.ts';

const admin = { authorization: 'Bearer admin' };

/** A path that nobody has, its NAR, and a narinfo of it which says whatever a client says. */
function sentPath(rig: CacheSiteRig, target = 'some target') {
  const writer = new WireWriter();
  playTree({ type: 'symlink', target: byteStringFromText(target) }, new NarWriter(bytes => writer.raw(bytes)));
  const nar = Buffer.from(writer.take());
  const narHash = hashBytes('sha256', nar);
  const { storeDir } = rig.store;
  const path = makeFixedOutputPath(storeDir, 'sent', { method: 'nar', hash: narHash });
  const text = byteStringFromText;
  const info: NarInfo = {
    path,
    narHash,
    narSize: nar.byteLength,
    references: [],
    signatures: [],
    url: text('nar/sent.nar'),
    compression: text('none'),
    fileSize: nar.byteLength,
    contentAddress: { method: 'nar', hash: narHash },
  };
  const name = `${storePathHashPart(path)}.narinfo`;
  return { path, nar, info, name, body: formatNarInfo(storeDir, info).toString() };
}

function put(rig: CacheSiteRig, path: string, body: string | Uint8Array<ArrayBuffer>, headers = {}): Promise<number> {
  return rig.status(path, { method: 'PUT', body, headers });
}

/** All that a rig's server keeps of what was sent. */
function spooled(rig: CacheSiteRig): string[] {
  return readdirSync(join(rig.folder, 'spool'), { recursive: true, withFileTypes: true })
    .filter(entry => entry.isFile())
    .map(({ name }) => name)
    .toSorted();
}

describe('clients of a binary cache that are hostile', () => {
  it('name NARs that are elsewhere, or none', async () => {
    await using rig = await CacheSiteRig.open();
    const { name, body, path } = sentPath(rig);
    const empty = spooled(rig);
    writeFileSync(join(rig.folder, 'secret'), 'x');
    const urls = ['nar/..', 'nar/.', 'nar/', 'nar/../secret', '../secret', '/etc/passwd', 'nar/a\0b', 'nar/%2e%2e'];
    for (const url of [...urls, 'http://127.0.0.1:1/nar/x', `nar/${'x'.repeat(300)}`, 'nix-cache-info']) {
      for (const headers of [{}, admin]) {
        const status = await put(rig, name, body.replace('nar/sent.nar', url), headers);
        assert.ok(status === 400 || status === 412, `${url}: ${status}`);
      }
    }
    // Nor do they for what is there.
    const known = await addTestPath(rig.store, 'known');
    const described = (await rig.bytes(`${storePathHashPart(known)}.narinfo`)).toString();
    for (const url of urls) {
      const status = await put(rig, `${storePathHashPart(known)}.narinfo`, described.replace(/URL: .*/, `URL: ${url}`));
      assert.ok(status === 200 || status === 400, `${url}: ${status}`);
    }
    assert.deepEqual(rig.faults, []);
    assert.equal((await rig.store.validPaths([path, known])).size, 1);
    assert.deepEqual(spooled(rig), empty);
    assert.ok(existsSync(join(rig.folder, 'secret')));
  });

  it('send NARs that are not what their narinfos say', async () => {
    await using rig = await CacheSiteRig.open();
    const { name, body, path, nar, info } = sentPath(rig);
    const empty = spooled(rig);
    const bomb = gzipSync(Buffer.alloc(64 * 2 ** 20));
    const other = hashBytes('sha256', Buffer.from('x'));
    const format = (more: Partial<NarInfo>) => formatNarInfo(rig.store.storeDir, { ...info, ...more }).toString();
    const cases: readonly (readonly [string, Uint8Array, string])[] = [
      ['cut short', nar.subarray(0, 50), body],
      ['longer', Buffer.concat([nar, nar]), body],
      ['none', Buffer.of(), body],
      ['garbage', Buffer.from('garbage garbage garbage'), body],
      ['another hash', nar, format({ narHash: other, contentAddress: undefined })],
      ['another size', nar, format({ narSize: 1 })],
      ['another content address', nar, format({ contentAddress: { method: 'nar', hash: other } })],
      ['not compressed as it says', nar, format({ compression: byteStringFromText('xz') })],
      ['unknown compression', nar, format({ compression: byteStringFromText('../x') })],
      ['more than it says', bomb, format({ compression: byteStringFromText('gzip') })],
    ];
    for (const [what, sent, said] of cases) {
      for (const headers of [{}, admin]) {
        assert.equal(await put(rig, 'nar/sent.nar', new Uint8Array(sent)), 200, what);
        const status = await put(rig, name, said, headers);
        assert.ok([400, 403, 412].includes(status), `${what}: ${status}`);
        assert.deepEqual(spooled(rig), empty, what);
      }
    }
    assert.deepEqual(rig.faults, []);
    assert.equal((await rig.store.validPaths([path])).size, 0);
    assert.equal(await put(rig, 'nar/sent.nar', new Uint8Array(nar)), 200);
    assert.equal(await put(rig, name, body), 200, 'it is taken when it is true');
    assert.equal(await rig.store.upkeep.verify({ checkContents: true }), false);
  });

  it('send narinfos with lines that are odd, missing or endless', async () => {
    await using rig = await CacheSiteRig.open();
    const odd = ['', '-1', '18446744073709551616', '../../etc/passwd', 'x'.repeat(5000), '\xff\xfe', 'a b c'];
    const changes: readonly ((lines: string[], at: number) => string[])[] = [
      (lines, at) => lines.toSpliced(at, 1),
      (lines, at) => lines.toSpliced(at, 0, lines[at] ?? ''),
      (lines, at) => lines.toSpliced(at, 1, lines[at]?.replace(':', '') ?? ''),
      ...odd.map(
        value => (lines: string[], at: number) =>
          lines.toSpliced(at, 1, (lines[at] ?? '').replace(/: .*/, `: ${value}`)),
      ),
    ];
    const { length } = sentPath(rig).body.trimEnd().split('\n');
    for (const [index, change] of changes.entries()) {
      for (let at = 0; at < length; at++) {
        // What is valid already is looked at less closely.
        const { name, body, nar, path } = sentPath(rig, `target ${index} ${at}`);
        await put(rig, 'nar/sent.nar', new Uint8Array(nar));
        const said = `${change(body.trimEnd().split('\n'), at).join('\n')}\n`;
        const status = await put(rig, name, said, admin);
        assert.equal((await rig.store.validPaths([path])).size, status === 200 ? 1 : 0, said);
        assert.ok([200, 400, 403, 412].includes(status), `${status}: ${said}`);
      }
    }
    const { name } = sentPath(rig);
    for (const said of ['', '\n', ':']) assert.equal(await put(rig, name, said, admin), 400);
    assert.equal(await put(rig, name, 'x'.repeat(5 * 2 ** 20)), 507, 'of narinfos too large');
    assert.deepEqual(rig.faults, []);
  });

  it('ask for ranges and names of nonsense', async () => {
    await using rig = await CacheSiteRig.open();
    const path = await addTestPath(rig.store, 'a');
    const url = (await rig.narInfo(path)).url.replace(/\.zst$/, '');
    const { byteLength } = await rig.bytes(url);
    const ranges = [
      'bytes=-0',
      `bytes=${byteLength}-`,
      'bytes=999999999999999-',
      'bytes=99999999999999999-',
      'bytes=--1',
    ];
    for (const range of [
      ...ranges,
      'bytes=5-1',
      'bytes=0-0,2-3',
      'lines=0-1',
      'bytes=',
      'bytes=a-b',
      '\t',
      'bytes=1e3-',
    ]) {
      const answer = await rig.fetch(url, { headers: { range } });
      const body = Buffer.from(await answer.arrayBuffer());
      assert.ok(answer.status === 416 || (answer.status === 200 && body.byteLength === byteLength), range);
    }
    const names = [
      '%',
      '%zz.narinfo',
      '..%2f..%2fetc%2fpasswd',
      'nar/..%2fx',
      'log/%ff',
      'log/..',
      'realisations/x.doi',
    ];
    for (const each of [...names, `log/${'a'.repeat(5000)}`, 'build-trace-v2/x/%00.doi', 'nar/%00']) {
      for (const method of ['GET', 'PUT', 'HEAD']) {
        const status = await rig.status(each, { method, ...(method === 'PUT' ? { body: 'x' } : {}) });
        assert.ok([400, 404].includes(status), `${method} ${each}: ${status}`);
      }
    }
    assert.deepEqual(rig.faults, []);
  });

  it('break off in the middle of what they send, or of what they are sent', async () => {
    await using rig = await CacheSiteRig.open();
    const path = await addTestPath(rig.store, 'a');
    const { url } = await rig.narInfo(path);
    const { name, body } = sentPath(rig);
    const empty = spooled(rig);
    const { host, port } = new URL(rig.uri);
    const start = (method: string, target: string, more = '') =>
      `${method} /${target} HTTP/1.1\r\nhost: ${host}\r\n${more}`;
    const said = [
      start('PUT', 'nar/sent.nar', 'content-length: 1000000\r\n\r\nabc'),
      start('PUT', 'nar/sent.nar', 'transfer-encoding: chunked\r\n\r\n5\r\nabc'),
      start('PUT', 'nar/sent.nar', 'transfer-encoding: chunked\r\n\r\nzz\r\nabc'),
      start('PUT', 'nar/sent.nar', 'content-length: 99999999999999999999\r\n\r\n'),
      start('PUT', name, `content-length: ${body.length}\r\n\r\n${body.slice(0, 40)}`),
      start('PUT', 'nix-cache-info', 'content-length: 1000\r\n\r\nStore'),
      start('GET', url, '\r\n'),
      start('GET', url, 'range: bytes=0-'),
      'GET / HT',
    ];
    for (let round = 0; round < 20; round++) {
      await Promise.all(
        said.map(async bytes => {
          const socket = connect(Number(port), '127.0.0.1');
          socket.on('error', () => undefined);
          await once(socket, 'connect');
          await new Promise(resolve => socket.write(bytes, resolve));
          if (round % 2 === 0) await new Promise(resolve => setImmediate(resolve));
          socket.destroy();
        }),
      );
    }
    await rig.idle();
    assert.deepEqual(rig.faults, []);
    assert.deepEqual(spooled(rig), empty);
    assert.equal((await rig.bytes(url)).byteLength > 0, true);
  });
});
