import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { gzipSync } from 'node:zlib';
import { HttpRig, tarArchive, temporaryFolder } from '../../src/testing/index.ts';
import { BazelWorkspace, processesOf } from './bazel-workspace.ts';
import { Peer, type PeerResult, unlessInstalled } from './peer.ts';
import { ServedFirn } from './served-firn.ts';

const bazel = Peer.findVersion('bazel', /^bazel [7-8]\./m);
const gcc = Peer.find('gcc');

function expectOk(result: PeerResult): void {
  assert.equal(result.status, 0, result.output);
}

describe('Bazel', { skip: unlessInstalled(['bazel 7', bazel], ['gcc', gcc]) }, () => {
  let workspace: BazelWorkspace;
  let firn: ServedFirn;

  before(async () => {
    assert.ok(bazel !== undefined);
    workspace = await BazelWorkspace.make(bazel);
    firn = await ServedFirn.start();
  });

  after(async () => {
    await workspace?.[Symbol.asyncDispose]();
    await firn?.[Symbol.asyncDispose]();
  });

  /** What the program that was built says. */
  async function greeting(): Promise<string> {
    const { status, output } = await Peer.at(join(workspace.folder, 'bazel-bin/hello')).run([]);
    assert.equal(status, 0, output);
    return output;
  }

  /** Builds twice, from nothing both times: the second is all hits. */
  async function buildTwice(flags: readonly string[], startup: readonly string[] = []) {
    await workspace.clean(startup);
    const first = await workspace.run('build', ['//:hello', '//:made', ...flags], startup);
    expectOk(first);
    assert.equal(await greeting(), 'hello from bazel\n');
    assert.equal(readFileSync(join(workspace.folder, 'bazel-bin/made.txt'), 'utf8'), 'made\n');
    await workspace.clean(startup);
    const second = await workspace.run('build', ['//:hello', '//:made', ...flags], startup);
    expectOk(second);
    const { hits, remote, local } = processesOf(second);
    assert.ok(hits > 0 && remote === 0 && local === 0, second.output);
    assert.equal(await greeting(), 'hello from bazel\n');
    return processesOf(first);
  }

  test('uses it as a remote cache', async () => {
    const { local } = await buildTwice([`--remote_cache=grpc://${firn.grpc}`, '--remote_instance_name=main']);
    assert.ok(local > 0);
  });

  test('uses it as a cache over HTTP', async () => {
    await using other = await ServedFirn.start();
    const { local } = await buildTwice([`--remote_cache=http://${other.http}`]);
    assert.ok(local > 0);
  });

  test('has it execute actions', async () => {
    const { remote, local } = await buildTwice([`--remote_executor=grpc://${firn.grpc}`]);
    assert.ok(remote > 0 && local === 0);
  });

  test('sends blobs compressed', async () => {
    await using other = await ServedFirn.start();
    const { remote } = await buildTwice([
      `--remote_executor=grpc://${other.grpc}`,
      '--remote_cache_compression',
      '--experimental_remote_cache_compression_threshold=0',
    ]);
    assert.ok(remote > 0);
  });

  test('names blobs by BLAKE3', async () => {
    const startup = ['--digest_function=blake3'];
    const { remote } = await buildTwice([`--remote_executor=grpc://${firn.grpc}`], startup);
    assert.ok(remote > 0);
  });

  test('downloads nothing at first, and what is wanted later', async () => {
    const flags = [`--remote_executor=grpc://${firn.grpc}`];
    await workspace.clean();
    expectOk(await workspace.run('build', ['//:made', '//:hello', ...flags, '--remote_download_minimal']));
    assert.ok(!workspace.has('bazel-bin/made.txt') && !workspace.has('bazel-bin/hello'));
    expectOk(await workspace.run('build', ['//:made', '//:hello', ...flags, '--remote_download_toplevel']));
    assert.equal(await greeting(), 'hello from bazel\n');
    assert.ok(workspace.has('bazel-bin/made.txt'));
  });

  test('runs tests there, and shows the log of one that fails', async () => {
    const flags = [`--remote_executor=grpc://${firn.grpc}`, '--test_output=errors'];
    await workspace.clean();
    const first = await workspace.run('test', ['//:passes', ...flags]);
    expectOk(first);
    await workspace.clean();
    const second = await workspace.run('test', ['//:passes', ...flags]);
    expectOk(second);
    assert.match(second.output, /\/\/:passes +\(cached\) PASSED/);
    const failed = await workspace.run('test', ['//:fails', ...flags]);
    assert.equal(failed.status, 3, failed.output);
    assert.match(failed.output, /this is why it fails/);
    assert.match(failed.output, /\/\/:fails +FAILED in /);
  });

  test('needs a token where one is needed', async () => {
    await using closed = await ServedFirn.start({ anonymous: undefined });
    const flags = [`--remote_executor=grpc://${closed.grpc}`, '--remote_retries=0', '--verbose_failures'];
    await workspace.clean();
    const refused = await workspace.run('build', ['//:made', ...flags]);
    assert.notEqual(refused.status, 0);
    // The server says that this client may execute nothing.
    assert.match(refused.output, /not authorized to use remote execution/);
    const wrong = await workspace.run('build', ['//:made', ...flags, '--remote_header=authorization=Bearer wrong']);
    assert.notEqual(wrong.status, 0);
    const { remote } = await buildTwice([...flags, `--remote_header=authorization=Bearer ${closed.token}`]);
    assert.ok(remote > 0);
    // As it tells its users.
    assert.match(closed.configuration, new RegExp(`remote_header=authorization=Bearer ${closed.token}`));
  });

  test('has it download archives', async () => {
    using folder = temporaryFolder();
    mkdirSync(join(folder.path, 'served'));
    const archive = gzipSync(
      tarArchive([
        { path: 'BUILD', contents: 'exports_files(["data"])\n' },
        { path: 'data', contents: 'fetched\n' },
      ]),
    );
    writeFileSync(join(folder.path, 'served/data.tar.gz'), archive);
    await using http = await HttpRig.start({ folder: join(folder.path, 'served') });
    await using downloading = await ServedFirn.start({ flags: ['--assets-from-nearby'] });
    const rule = [
      'load("@bazel_tools//tools/build_defs/repo:http.bzl", "http_archive")',
      `http_archive(name = "data", urls = ["${http.url}/data.tar.gz"],`,
      `  sha256 = "${createHash('sha256').update(archive).digest('hex')}")`,
      '',
    ].join('\n');
    writeFileSync(join(workspace.folder, 'WORKSPACE'), rule);
    try {
      const flags = [
        `--remote_cache=grpc://${downloading.grpc}`,
        `--experimental_remote_downloader=grpc://${downloading.grpc}`,
      ];
      for (const _ of ['from its server', 'from the store']) {
        await workspace.run('clean', ['--expunge']);
        expectOk(await workspace.run('build', ['@data//:data', ...flags, '--repository_cache=']));
      }
      assert.equal(http.requests.length, 1);
      assert.match(http.requests[0]?.headers['user-agent'] ?? '', /Firn/);
    } finally {
      writeFileSync(join(workspace.folder, 'WORKSPACE'), '');
    }
  });

  test('can be interrupted, and goes on afterwards', async () => {
    const flags = [`--remote_executor=grpc://${firn.grpc}`];
    const child = workspace.start([], 'build', ['//:endless', ...flags, '--show_progress_rate_limit=0.1']);
    let output = '';
    let isInterrupted = false;
    const status = new Promise<number | null>(resolve => child.on('close', code => resolve(code)));
    for (const stream of [child.stdout, child.stderr]) {
      stream?.setEncoding('utf8').on('data', (text: string) => {
        output += text;
        // Once: a second and a third mean more.
        if (!isInterrupted && /endless.*\bremote\b/.test(output)) isInterrupted = child.kill('SIGINT');
      });
    }
    assert.equal(await status, 8, output);
    await workspace.clean();
    expectOk(await workspace.run('build', ['//:made', ...flags]));
  });
});
