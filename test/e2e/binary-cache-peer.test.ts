/**
 * C++ Nix reads the signed binary caches that Firn writes, and Firn reads those of C++ Nix: with each compression, from
 * folders, over HTTP and in S3.
 *
 *     PEER_BINDIR=/path/to/nix/bin PEER_2_8_BINDIR=$(scripts/install-nix-2.8) FIRN_S3_SERVER=/path/to/s3rver \
 *       scripts/test test/e2e/binary-cache-peer.test.ts
 *
 * FIRN_S3_SERVER is the program of the npm package s3rver, or one that takes the same options.
 */
import assert from 'node:assert/strict';
import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { promisify } from 'node:util';
import {
  type PathInfo,
  SecretKey,
  type StorePath,
  countValidSignatures,
  isDerivationPath,
  parseStoreDir,
  parseStorePath,
} from '../../src/nix-compat/index.ts';
import { type Store, copyPaths } from '../../src/store/index.ts';
import { HttpRig, TreeRecorder, openTestStore, temporaryFolder } from '../../src/testing/index.ts';
import { type NixSide, nixPeers } from './nix-peers.ts';

const s3Server = process.env['FIRN_S3_SERVER'];

const run = promisify(execFile);
const methods = ['none', 'xz', 'zstd', 'gzip', 'br', 'bzip2', 'lzma'];
const key = SecretKey.generate('peer-test-1');

for (const peer of nixPeers) describe(`binary caches of ${peer.name}`, { skip: peer.skip }, () => exchangeCaches(peer));

function exchangeCaches(peer: NixSide): void {
  // Debian's package has no S3.
  const lacksS3 = !peer.hasS3
    ? `${peer.name} has no S3`
    : s3Server === undefined && 'FIRN_S3_SERVER is not set: it names the program s3rver';
  const folder = temporaryFolder();
  const storeDir = parseStoreDir(join(folder.path, 'store'));
  const keyFile = join(folder.path, 'key');
  const cacheUrl = (name: string) => `file://${join(folder.path, name)}`;
  const openOptions = { storeDir, cacheFolder: join(folder.path, 'cache') };

  /** Runs a program of C++ Nix on a state of its own. */
  async function runPeer(program: string, args: readonly string[], state = 'var'): Promise<string> {
    const { stdout } = await run(join(peer.bin, program), args, {
      env: {
        PATH: process.env['PATH'],
        HOME: join(folder.path, 'home'),
        NIX_STORE_DIR: storeDir,
        NIX_STATE_DIR: join(folder.path, state),
        NIX_LOG_DIR: join(folder.path, 'log'),
        NIX_CONF_DIR: '/nonexistent',
        NIX_CONFIG: 'experimental-features = nix-command\nbuild-users-group =\nsubstituters =\n',
        AWS_ACCESS_KEY_ID: 'S3RVER',
        AWS_SECRET_ACCESS_KEY: 'S3RVER',
      },
      maxBuffer: 64 * 1024 * 1024,
    });
    return stdout;
  }

  /** The closure that both sides exchange, in ascending order. */
  let paths: StorePath[] = [];
  let expected: readonly (readonly [info: PathInfo, events: readonly string[]])[] = [];

  async function readAll(store: Store): Promise<(readonly [PathInfo, string[]])[]> {
    const all: (readonly [PathInfo, string[]])[] = [];
    for (const path of paths) {
      const info = await store.pathInfo(path);
      assert.ok(info, path);
      const recorder = new TreeRecorder();
      await store.streamPath(path, recorder);
      all.push([info, recorder.events]);
    }
    return all;
  }

  /** That `store` has the closure, signed. */
  async function checkClosure(store: Store): Promise<void> {
    for (const [at, [info, events]] of (await readAll(store)).entries()) {
      const [wanted, wantedEvents] = expected[at] ?? [];
      assert.deepEqual(events, wantedEvents);
      for (const field of ['narHash', 'narSize', 'references', 'contentAddress', 'deriver'] as const)
        assert.deepEqual(info[field], wanted?.[field], field);
      assert.equal(countValidSignatures(storeDir, info, new Map([[key.name, key.publicKey]])), 1);
    }
  }

  /** Has C++ Nix take the closure from `url`, which needs signatures, into a store of its own. */
  async function peerTakes(url: string, name: string): Promise<void> {
    const root = join(folder.path, `taken-${name}`);
    const printed = paths.map(path => `${storeDir}/${path}`);
    const trust = ['--option', 'trusted-public-keys', key.publicKey.toString(), '--option', 'require-sigs', 'true'];
    // What is addressed by its content needs no signature: that all have one is looked at besides.
    await runPeer('nix', ['copy', '--from', url, '--to', root, ...trust, ...printed]);
    await runPeer('nix', ['store', 'verify', '--store', root, '--no-trust', ...printed]);
    await runPeer('nix', ['store', 'verify', '--store', url, ...trust, '--sigs-needed', '1', ...printed]);
  }

  async function write(uri: string): Promise<void> {
    await using source = await openTestStore(cacheUrl('source'), openOptions);
    await using target = await openTestStore(uri, openOptions);
    await copyPaths(source, target, paths);
  }

  before(async () => {
    writeFileSync(keyFile, key.format());
    const tree = join(folder.path, 'tree');
    mkdirSync(join(tree, 'sub'), { recursive: true });
    writeFileSync(join(tree, 'sub/exec'), '#!/bin/sh\n', { mode: 0o755 });
    writeFileSync(join(tree, 'big'), Buffer.from(Array.from({ length: 700_000 }, (_, at) => (at * at) % 253)));
    const added = (await runPeer('nix-store', ['--add', tree])).trim();
    const expression = `builtins.toFile "b" "\${builtins.toFile "a" "hello"} \${builtins.storePath ${added}}"`;
    const top = JSON.parse(await runPeer('nix', ['eval', '--impure', '--json', '--expr', expression])) as string;
    const closure = await runPeer('nix-store', ['--query', '--requisites', top]);
    paths = closure
      .trim()
      .split('\n')
      .map(path => parseStorePath(path.slice(storeDir.length + 1)))
      .toSorted();
    assert.equal(paths.length, 3);
    assert.ok(!paths.some(isDerivationPath));
    await runPeer('nix', [
      'copy',
      '--to',
      `${cacheUrl('source')}?compression=none`,
      ...paths.map(path => `${storeDir}/${path}`),
    ]);
    await using source = await openTestStore(cacheUrl('source'), openOptions);
    expected = await readAll(source);
  });

  after(() => folder[Symbol.dispose]());

  for (const method of methods) {
    describe(`a binary cache compressed by ${method}`, () => {
      const parameters = `compression=${method}&secret-key=${keyFile}&write-nar-listing=1`;

      test('of C++ Nix is read by Firn', async () => {
        const url = cacheUrl(`theirs-${method}`);
        await runPeer('nix', ['copy', '--to', `${url}?${parameters}`, ...paths.map(path => `${storeDir}/${path}`)]);
        await using store = await openTestStore(url, openOptions);
        await checkClosure(store);
        assert.deepEqual(await store.index?.allPaths(), paths);
      });

      test('of Firn is read by C++ Nix', { skip: peer.abortsAt.includes(method) && 'it aborts' }, async () => {
        const url = cacheUrl(`ours-${method}`);
        await write(`${url}?${parameters}`);
        await peerTakes(url, `file-${method}`);
      });
    });
  }

  test('a binary cache is exchanged over HTTP', async () => {
    mkdirSync(join(folder.path, 'served'));
    await using rig = await HttpRig.start({ folder: join(folder.path, 'served') });
    const encodings = 'narinfo-compression=zstd&ls-compression=gzip&log-compression=br';
    await write(`${rig.url}/ours?compression=zstd&secret-key=${keyFile}`);
    await peerTakes(`${rig.url}/ours`, 'http');
    const printed = paths.map(path => `${storeDir}/${path}`);
    await runPeer('nix', ['copy', '--to', `${rig.url}/theirs?compression=xz&secret-key=${keyFile}`, ...printed]);
    await using store = await openTestStore(`${rig.url}/theirs?${encodings}`, openOptions);
    await checkClosure(store);
  });

  test('a binary cache is exchanged in S3', { skip: lacksS3 }, async context => {
    const data = join(folder.path, 's3');
    mkdirSync(data);
    const args = [
      '-d',
      data,
      '-a',
      '127.0.0.1',
      '-p',
      '0',
      '--no-vhost-buckets',
      '--configure-bucket',
      'ours',
      '--configure-bucket',
      'theirs',
    ];
    const server = spawn(s3Server ?? '', args, { stdio: ['ignore', 'pipe', 'inherit'] });
    const exited = once(server, 'exit');
    context.after(async () => {
      server.kill();
      await exited;
    });
    const port = await new Promise<string>((resolve, reject) => {
      let said = '';
      server.stdout.on('data', chunk => {
        said += String(chunk);
        const [, found] = /listening on .*:([0-9]+)/.exec(said) ?? [];
        if (found !== undefined) resolve(found);
      });
      server.once('exit', () => reject(new Error(`the S3 server ended: ${said}`)));
    });
    const place = `endpoint=http://127.0.0.1:${port}&region=eu-west-1`;
    for (const [name, value] of [
      ['AWS_ACCESS_KEY_ID', 'S3RVER'],
      ['AWS_SECRET_ACCESS_KEY', 'S3RVER'],
    ] as const) {
      process.env[name] = value;
      context.after(() => delete process.env[name]);
    }
    await write(
      `s3://ours?${place}&compression=zstd&secret-key=${keyFile}&multipart-upload=1&multipart-threshold=100000`,
    );
    await peerTakes(`s3://ours?${place}`, 's3');
    const printed = paths.map(path => `${storeDir}/${path}`);
    await runPeer('nix', ['copy', '--to', `s3://theirs?${place}&secret-key=${keyFile}`, ...printed]);
    await using store = await openTestStore(`s3://theirs?${place}`, openOptions);
    await checkClosure(store);
    process.env['AWS_ACCESS_KEY_ID'] = 'STRANGER';
    const elsewhere = { ...openOptions, cacheFolder: join(folder.path, 'other') };
    await assert.rejects(openTestStore(`s3://theirs?${place}`, elsewhere), { message: /HTTP error 403/ });
  });
}
