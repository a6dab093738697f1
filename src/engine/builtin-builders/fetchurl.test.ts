import assert from 'node:assert/strict';
import { mkdirSync, readFileSync, readdirSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { gzipSync } from 'node:zlib';
import { execFileSync } from 'node:child_process';
import { byteStringFromText, toHex } from '../../base/index.ts';
import { NarWriter, hashBytes } from '../../nix-compat/index.ts';
import { HttpRig, recordReports, temporaryFolder, testBuiltinBuild } from '../../testing/index.ts';
import { runBuiltinBuilder } from './run-builtin-builder.ts';

const text = byteStringFromText;

function nar(): Buffer {
  const chunks: Buffer[] = [];
  const writer = new NarWriter(chunk => void chunks.push(Buffer.from(chunk)));
  writer.startDirectory();
  writer.entry(text('run'));
  writer.startFile(true, 2);
  writer.fileData(Buffer.from('hi'));
  writer.endFile();
  writer.endDirectory();
  return Buffer.concat(chunks);
}

async function served(run: (rig: HttpRig, folder: string) => Promise<void>): Promise<void> {
  using folder = temporaryFolder();
  mkdirSync(join(folder.path, 'www'));
  await using rig = await HttpRig.start({ folder: join(folder.path, 'www') });
  await run(rig, folder.path);
}

describe('builtin:fetchurl', () => {
  test('fetches a file', () =>
    served(async (rig, folder) => {
      writeFileSync(join(folder, 'www', 'a.txt'), 'hello');
      await runBuiltinBuilder(testBuiltinBuild('builtin:fetchurl', { folder, env: { url: `${rig.url}/a.txt` } }));
      assert.equal(readFileSync(join(folder, 'out'), 'utf8'), 'hello');
      assert.equal(statSync(join(folder, 'out')).mode & 0o111, 0);
    }));

  test('fetches a file of this machine, and makes it executable', () =>
    served(async (_rig, folder) => {
      const url = `file://${folder}/www/a.sh`;
      writeFileSync(join(folder, 'www', 'a.sh'), '#!/bin/sh\n');
      await runBuiltinBuilder(testBuiltinBuild('builtin:fetchurl', { folder, env: { url, executable: '1' } }));
      assert.equal(statSync(join(folder, 'out')).mode & 0o777, 0o755);
    }));

  test('unpacks NARs, compressed where the name says so', () =>
    served(async (rig, folder) => {
      writeFileSync(join(folder, 'www', 'a.nar'), nar());
      writeFileSync(join(folder, 'www', 'b.nar.xz'), execFileSync('xz', ['-c'], { input: nar() }));
      for (const name of ['a.nar', 'b.nar.xz']) {
        const of = join(folder, `of-${name}`);
        mkdirSync(of);
        const env = { url: `${rig.url}/${name}`, unpack: '1' };
        await runBuiltinBuilder(testBuiltinBuild('builtin:fetchurl', { folder: of, env }));
        assert.deepEqual(readdirSync(join(of, 'out')), ['run']);
        assert.equal(statSync(join(of, 'out', 'run')).mode & 0o111, 0o111);
      }
    }));

  test('asks mirrors for the hash first, and goes on where they lack it', () =>
    served(async (rig, folder) => {
      const hash = hashBytes('sha256', Buffer.from('hello'));
      mkdirSync(join(folder, 'www', 'second', 'sha256'), { recursive: true });
      writeFileSync(join(folder, 'www', 'second', 'sha256', toHex(hash.digest)), 'hello');
      const settings = { 'hashed-mirrors': `${rig.url}/first ${rig.url}/second/` };
      const env = { url: `${rig.url}/not-there` };
      await runBuiltinBuilder(testBuiltinBuild('builtin:fetchurl', { folder, env, hash, settings }));
      assert.equal(readFileSync(join(folder, 'out'), 'utf8'), 'hello');
      assert.deepEqual(
        rig.requests.map(({ url }) => url.split('/')[1]),
        ['first', 'second'],
      );
    }));

  test('tries the other URLs, saying why', () =>
    served(async (rig, folder) => {
      writeFileSync(join(folder, 'www', 'b'), 'b');
      const { reporter, reports } = recordReports();
      const env = { url: `${rig.url}/a`, urls: `${rig.url}/a ${rig.url}/b` };
      await runBuiltinBuilder(testBuiltinBuild('builtin:fetchurl', { folder, env, reporter }));
      assert.equal(readFileSync(join(folder, 'out'), 'utf8'), 'b');
      const warnings = reports.flatMap(report => (report.kind === 'log' && report.level === 'warn' ? report.text : []));
      assert.deepEqual(warnings, [
        `warning: unable to download '${rig.url}/a': HTTP error 404; trying '${rig.url}/b' instead`,
      ]);
    }));

  test('fetches objects of S3', () =>
    served(async (rig, folder) => {
      mkdirSync(join(folder, 'www', 'bucket', 'some'), { recursive: true });
      writeFileSync(join(folder, 'www', 'bucket', 'some', 'key'), 's3');
      const url = `s3://bucket/some/key?endpoint=${rig.url}&region=eu-west-1&versionId=7`;
      await runBuiltinBuilder(testBuiltinBuild('builtin:fetchurl', { folder, env: { url } }));
      assert.equal(readFileSync(join(folder, 'out'), 'utf8'), 's3');
      assert.deepEqual(
        rig.requests.map(request => request.url),
        ['/bucket/some/key?versionId=7'],
      );
    }));

  test('leaves nothing of what failed', () =>
    served(async (rig, folder) => {
      writeFileSync(join(folder, 'www', 'a'), gzipSync('no NAR'));
      const env = { url: `${rig.url}/a`, unpack: '1' };
      await assert.rejects(runBuiltinBuilder(testBuiltinBuild('builtin:fetchurl', { folder, env })));
      assert.ok(!readdirSync(folder).includes('out'));
    }));

  test('refuses derivations that it cannot make', async () => {
    using folder = temporaryFolder();
    const at = { folder: folder.path };
    const run = (options: object) =>
      runBuiltinBuilder(testBuiltinBuild('builtin:fetchurl', { ...at, env: { url: 'x:' }, ...options }));
    await assert.rejects(run({ output: { kind: 'deferred' } }), { code: 'builtin/bad-output' });
    await assert.rejects(run({ env: {} }), { code: 'builtin/missing-attribute', message: "attribute 'url' missing" });
    await assert.rejects(run({ env: { url: 'nonsense' } }), { code: 'builtin/bad-attribute' });
    await assert.rejects(run({ env: { url: 'mirror://gnu/a' } }), { code: 'mirror/unknown' });
    await assert.rejects(runBuiltinBuilder(testBuiltinBuild('builtin:x', { ...at, env: {} })), {
      message: "unsupported builtin builder 'x'",
    });
  });
});
