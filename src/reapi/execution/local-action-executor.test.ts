import assert from 'node:assert/strict';
import { chmodSync, readFileSync, readdirSync } from 'node:fs';
import { dirname } from 'node:path';
import { after, describe, test } from 'node:test';
import { create, toBinary, toJson } from '@bufbuild/protobuf';
import { StructSchema, anyUnpack, durationFromMs, timestampFromMs, timestampMs } from '@bufbuild/protobuf/wkt';
import {
  type DigestFunction,
  decodeTreeMessage,
  exportForeignDirectory,
  foreignDigestOf,
} from '../../castore/index.ts';
import { LocalExecutor } from '../../exec/index.ts';
import { type ActionResult, Command_OutputDirectoryFormat, DirectorySchema } from '../../proto/index.ts';
import { ActionRig, findBusybox, temporaryFolder } from '../../testing/index.ts';
import { foreignStoreOf } from '../action-cache/resolve-blobs.ts';
import { digestOfMessage, messageOfDigest } from '../digests/digest-message.ts';
import { ActionChannels } from './action-channels.ts';
import { channelName } from './channel-name.ts';
import { LocalActionExecutor, type LocalActionSettings } from './local-action-executor.ts';

const executor = new LocalExecutor();
after(() => executor[Symbol.asyncDispose]());

class Rig extends ActionRig {
  constructor(digestFunction?: DigestFunction, settings?: Partial<LocalActionSettings>) {
    super(executor, digestFunction, settings);
  }
}

for (const digestFunction of ['sha256', 'blake3', 'sha384', 'sha512', 'sha1'] as const)
  test(`an action finds its inputs and gives its outputs back: ${digestFunction}`, async () => {
    await using rig = new Rig(digestFunction);
    const result = await rig.ended(
      'cat in; ./tool; cat ../link; echo err >&2; echo new >out/new; cp ../deep/tool out/tool; ln -s x out/s; mkdir -p d/e; echo f >d/e/f; exit 3',
      {
        tree: { deep: { in: 'input\n', tool: '!#!/bin/sh\necho tool $A\n' }, link: '-> deep/in' },
        workingDirectory: 'deep',
        environmentVariables: [{ name: 'A', value: 'b c' }],
        outputPaths: ['d', 'none', 'out/new', 'out/s', 'out/tool'],
        outputDirectoryFormat: Command_OutputDirectoryFormat.TREE_AND_DIRECTORY,
      },
    );
    assert.equal(result.exitCode, 3);
    assert.equal(await rig.read(result.stdoutDigest), 'input\ntool b c\ninput\n');
    assert.equal(await rig.read(result.stderrDigest), 'err\n');
    assert.deepEqual(await rig.outputs(result), {
      'out/new': 'new\n',
      'out/tool': '!#!/bin/sh\necho tool $A\n',
      'out/s': '-> x',
    });
    const [directory] = result.outputDirectories;
    assert.ok(directory?.path === 'd' && directory.isTopologicallySorted && directory.rootDirectoryDigest);
    const tree = decodeTreeMessage(await rig.readBytes(directory.treeDigest));
    assert.deepEqual(
      foreignDigestOf(tree.root, digestFunction),
      digestOfMessage(directory.rootDirectoryDigest, digestFunction, 'it'),
    );
    assert.equal(tree.children.length, 1);
  });

describe('an action', () => {
  test('has the environment that it was given, and nothing else', async () => {
    await using rig = new Rig();
    const { stdoutDigest } = await rig.ended('', {
      arguments: ['/usr/bin/env'],
      environmentVariables: [{ name: 'ONLY', value: 'this' }],
    });
    assert.equal(await rig.read(stdoutDigest), 'ONLY=this\n');
  });

  test('is found in its PATH, below its working folder, or not at all', async () => {
    await using rig = new Rig();
    const tree = { bin: { tool: '!#!/bin/sh\necho mine\n' }, work: {} };
    const path = (value: string) => [{ name: 'PATH', value }];
    const run = async (name: string, value: string) => {
      const { exitCode, stdoutDigest, stderrDigest } = await rig.ended('', {
        arguments: [name],
        tree,
        workingDirectory: 'work',
        environmentVariables: path(value),
      });
      return [exitCode, (await rig.read(stdoutDigest)) + (await rig.read(stderrDigest))];
    };
    assert.deepEqual(await run('tool', '/usr/bin:../bin'), [0, 'mine\n']);
    assert.deepEqual(await run('../bin/tool', ''), [0, 'mine\n']);
    assert.deepEqual(await run('true', '/usr/bin'), [0, '']);
    assert.deepEqual(await run('none', '/usr/bin'), [127, "cannot execute 'none': No such file or directory\n"]);
  });

  test('may write everywhere in its input root, but to no blob', async () => {
    await using rig = new Rig();
    const big = 'x'.repeat(100_000);
    const script = `
      echo new >a/new; rm a/small; mv a/big moved; mkdir b; echo more >b/c
      chmod u+w a/keep 2>/dev/null; (echo changed >a/keep) 2>/dev/null; touch -d @0 a/keep 2>/dev/null
      cat moved | wc -c; ls -R`;
    const result = await rig.ended(script, { tree: { a: { small: 'small', big, keep: big } } });
    assert.equal(result.exitCode, 0);
    assert.match(await rig.read(result.stdoutDigest), /^100000\n/);
  });

  test('sees the host’s programs, its own temporary folder and processes, and neither network nor the rest', async () => {
    await using rig = new Rig();
    const script = `id -u; id -un; echo $$; ls /tmp /root 2>&1; touch /usr/x /x 2>&1; ls /home 2>&1; cat /proc/net/dev | wc -l; hostname`;
    const { stdoutDigest } = await rig.ended(script, {});
    assert.equal(
      await rig.read(stdoutDigest),
      [
        '1000',
        'firn',
        '1',
        "ls: cannot access '/root': No such file or directory",
        '/tmp:',
        "touch: cannot touch '/usr/x': Read-only file system",
        "touch: cannot touch '/x': Read-only file system",
        "ls: cannot access '/home': No such file or directory",
        '3',
        'localhost',
        '',
      ].join('\n'),
    );
  });

  test('is ended after its timeout, and what it wrote is given back', async () => {
    await using rig = new Rig();
    const executed = await rig.run('echo begun; sleep 1000', { action: { timeout: durationFromMs(300) } });
    assert.ok(executed.kind === 'failed');
    assert.equal(executed.error.code, 'action/timed-out');
    assert.equal(executed.error.message, 'the action took longer than its timeout of 0.3 s, and was killed');
    assert.equal(await rig.read(executed.result.stdoutDigest), 'begun\n');
    await assert.rejects(rig.run('', { action: { timeout: durationFromMs(1e9) } }), { code: 'action/malformed' });
  });

  test('is ended when it writes too much, or when nobody wants it any more', async () => {
    await using rig = new Rig('sha256', { maxOutput: 1_000_000 });
    const executed = await rig.run('yes', {});
    assert.ok(executed.kind === 'failed' && executed.error.code === 'action/too-much-output');
    assert.equal((await rig.read(executed.result.stdoutDigest)).length, 1_000_000);
    const stop = new AbortController();
    const output = (chunk: Uint8Array) => void (chunk.byteLength > 0 && stop.abort(new Error('enough')));
    await assert.rejects(rig.run('echo x; sleep 1000', {}, { signal: stop.signal, output }), /enough/);
  });

  test('tells how it was killed', async () => {
    await using rig = new Rig();
    assert.equal((await rig.ended("sh -c 'kill -SEGV $$'; exit $?", {})).exitCode, 139);
  });

  test('tells when it did what, and what it took', async () => {
    await using rig = new Rig();
    const { executionMetadata: metadata } = await rig.ended('sleep 0.05', {});
    assert.equal(metadata?.worker, 'here');
    const times = [
      metadata?.queuedTimestamp,
      metadata?.workerStartTimestamp,
      metadata?.inputFetchStartTimestamp,
      metadata?.inputFetchCompletedTimestamp,
      metadata?.executionStartTimestamp,
      metadata?.executionCompletedTimestamp,
      metadata?.outputUploadStartTimestamp,
      metadata?.outputUploadCompletedTimestamp,
      metadata?.workerCompletedTimestamp,
    ].map(time => timestampMs(time ?? assert.fail()));
    assert.deepEqual(
      times,
      times.toSorted((a, b) => a - b),
    );
    const took = metadata?.virtualExecutionDuration ?? assert.fail();
    assert.ok(Number(took.seconds) * 1e9 + took.nanos >= 50_000_000);
    const usage = toJson(
      StructSchema,
      anyUnpack(metadata?.auxiliaryMetadata[0] ?? assert.fail(), StructSchema) ?? assert.fail(),
    );
    assert.deepEqual(Object.keys(usage ?? {}), ['cpu_user_seconds', 'cpu_system_seconds', 'peak_memory_bytes']);
  });

  test('gives outputs as clients before 2.1 read them', async () => {
    await using rig = new Rig();
    const result = await rig.ended('echo f >f; mkdir d; ln -s f fl; ln -s d dl; ln -s none gone; ln -s /usr ul', {
      outputFiles: ['f', 'fl', 'gone', 'missing'],
      outputDirectories: ['d', 'dl', 'ul'],
    });
    assert.deepEqual(await rig.outputs(result), { f: 'f\n' });
    const links = (list: ActionResult['outputSymlinks']) => list.map(({ path, target }) => `${path} -> ${target}`);
    assert.deepEqual(links(result.outputFileSymlinks), ['fl -> f', 'gone -> none']);
    assert.deepEqual(links(result.outputDirectorySymlinks), ['dl -> d', 'ul -> /usr']);
    assert.deepEqual(
      result.outputDirectories.map(({ path, treeDigest }) => [path, treeDigest !== undefined]),
      [['d', true]],
    );
    for (const wrong of [
      { outputFiles: ['d'] },
      { outputFiles: ['dl'] },
      { outputDirectories: ['f'] },
      { outputDirectories: ['fl'] },
    ]) {
      const executed = await rig.run('echo f >f; mkdir d; ln -s f fl; ln -s d dl', wrong);
      assert.ok(executed.kind === 'failed' && executed.error.code === 'action/bad-output', JSON.stringify(wrong));
    }
  });

  test('gives the properties of outputs that are asked for', async () => {
    await using rig = new Rig();
    const { outputFiles } = await rig.ended('echo x >x; chmod 640 x; touch -d @1000000000.5 x', {
      outputPaths: ['x'],
      outputNodeProperties: ['mtime', 'unix_mode'],
    });
    const properties = outputFiles[0]?.nodeProperties;
    assert.equal(properties?.unixMode, 0o640);
    assert.equal(timestampMs(properties?.mtime ?? assert.fail()), 1_000_000_000_500);
    await assert.rejects(rig.run('', { outputNodeProperties: ['owner'] }), { code: 'action/malformed' });
  });

  for (const digestFunction of ['sha256', 'blake3'] as const)
    test(`finds the times and modes that its inputs have, and no blob changes: ${digestFunction}`, async () => {
      await using rig = new Rig(digestFunction);
      const file = messageOfDigest(await rig.upload(Buffer.from('x'.repeat(50_000))));
      const mtime = timestampFromMs(1_000_000_000_000);
      const below = create(DirectorySchema, {
        files: [
          { name: 'old', digest: file, nodeProperties: { mtime, unixMode: 0o640 } },
          { name: 'plain', digest: file },
        ],
        nodeProperties: { mtime },
      });
      const belowDigest = messageOfDigest(await rig.upload(toBinary(DirectorySchema, below)));
      const directory = create(DirectorySchema, { directories: [{ name: 'd', digest: belowDigest }] });
      const root = await rig.upload(toBinary(DirectorySchema, directory));
      const script =
        "stat -c '%n %a %Y' d d/old; stat -c '%h' d/old; echo more >>d/old && wc -c <d/old; wc -c <d/plain";
      const { stdoutDigest } = await rig.ended(script, { root });
      assert.equal(await rig.read(stdoutDigest), 'd 755 1000000000\nd/old 640 1000000000\n1\n50005\n50000\n');
    });

  test('may have its whole root as an output, and outputs above its working folder', async () => {
    await using rig = new Rig();
    const result = await rig.ended('echo x >../above', {
      tree: { work: { file: 'f' } },
      workingDirectory: 'work',
      outputPaths: ['', '../above'],
      outputDirectoryFormat: Command_OutputDirectoryFormat.DIRECTORY_ONLY,
    });
    assert.deepEqual(await rig.outputs(result), { '../above': 'x\n' });
    const [whole] = result.outputDirectories;
    assert.ok(whole?.path === '' && whole.treeDigest === undefined && whole.rootDirectoryDigest !== undefined);
  });

  test('is refused where nobody offers what it wants', async () => {
    await using rig = new Rig();
    const platform = (name: string, value: string) => ({ properties: [{ name, value }] });
    await rig.ended('true', { platform: platform('OSFamily', 'linux') });
    await assert.rejects(rig.run('true', { platform: platform('OSFamily', 'windows') }), {
      code: 'action/unsatisfiable',
      message: /^no executor offers 'OSFamily' = 'windows'; offered: OSFamily = linux or Linux, ISA = /,
    });
    // The action's counts, not the command's.
    await rig.ended('true', { platform: platform('GPU', '1'), action: { platform: platform('OSFamily', 'Linux') } });
    await assert.rejects(rig.run('true', { action: { platform: platform('GPU', '1') } }), /'GPU' \(wanted: '1'\)/);
  });

  test('names all inputs that are absent', async () => {
    await using rig = new Rig('blake3');
    const root = await exportForeignDirectory(
      await rig.put({ a: 'one', d: { b: 'two', c: 'three' } }),
      'blake3',
      foreignStoreOf(rig.store),
    );
    const lost = ['one', 'three'].map(text => foreignDigestOf(Buffer.from(text), 'blake3'));
    for (const own of await rig.store.blobAliases.find(lost)) rig.store.forget(own ?? assert.fail());
    await assert.rejects(rig.run('true', { root }), { code: 'blobs/missing', missing: lost });
    const none = foreignDigestOf(Buffer.from('none'), 'blake3');
    await assert.rejects(rig.run('true', { root: none }), { code: 'blobs/missing', missing: [none] });
  });
});

describe('an action whose input root is its whole file system', () => {
  const platform = { properties: [{ name: 'root-filesystem', value: 'input-root' }] };

  test('sees nothing of the host', async () => {
    await using rig = new Rig();
    const busybox = `!${readFileSync(findBusybox(), 'latin1')}`;
    const result = await rig.ended('', {
      tree: { bin: { busybox, sh: '-> busybox' }, nix: { store: {} }, work: { in: 'text' }, link: '-> work/in' },
      arguments: ['/bin/sh', '-c', 'busybox ls /; cat /link in; echo x >/nix/store/out; pwd; cat /etc/hosts | wc -l'],
      environmentVariables: [{ name: 'PATH', value: '/bin' }],
      workingDirectory: 'work',
      outputPaths: ['../nix/store/out'],
      action: { platform },
    });
    assert.equal(
      await rig.read(result.stdoutDigest),
      'bin\ndev\netc\nlink\nnix\nproc\ntmp\nwork\ntexttext/work\n2\n',
      await rig.read(result.stderrDigest),
    );
    assert.deepEqual(await rig.outputs(result), { '../nix/store/out': 'x\n' });
  });
});

test('says where nobody can get to its files', { skip: process.getuid?.() === 0 ? false : 'needs root' }, async () => {
  await using rig = new Rig();
  await using local = new LocalActionExecutor(rig.store, executor, rig.settings);
  assert.equal(await local.obstacle(), undefined);
  const folder = dirname(rig.store.folder.path);
  chmodSync(folder, 0o700);
  assert.match((await local.obstacle()) ?? '', new RegExp(`^actions run as users who cannot pass '${folder}'`));
});

describe('a hostile action', () => {
  test('gets nothing made on the host by symlinks where something is mounted', async () => {
    using outside = temporaryFolder();
    chmodSync(outside.path, 0o777);
    const channels = new ActionChannels();
    await using rig = new Rig('sha256', { channels });
    const channel = 'c'.repeat(32);
    channels.open(channel, { instance: '', folder: 'nix/store' });
    const properties = [
      { name: 'root-filesystem', value: 'input-root' },
      { name: 'nix-channel', value: channelName(channel) },
    ];
    const sh = `!${readFileSync(findBusybox(), 'latin1')}`;
    const run = (target: string) => {
      const tree = { bin: { sh }, nix: { store: {}, var: `-> ${target}` } };
      return rig.run('exit 7', { tree, action: { platform: { properties } } });
    };
    // Where the host's root is while the sandbox is made is a secret.
    for (const target of [`/.firn-host${outside.path}`, '../..', '/bin/sh']) {
      await assert.rejects(run(target), { code: 'action/malformed' });
      channels.close(channel);
      channels.open(channel, { instance: '', folder: 'nix/store' });
    }
    const executed = await run('/bin');
    assert.equal(executed.result.exitCode, 7);
    assert.deepEqual(readdirSync(outside.path), []);
  });

  test('gets nothing of the host by symlinks in place of folders', async () => {
    await using rig = new Rig();
    for (const script of ['ln -s /etc out', 'ln -s ../../../../../../etc out', 'ln -s /proc/self/root/etc out']) {
      const executed = await rig.run(script, { outputPaths: ['out/passwd', 'out'].slice(0, 1), tree: {} });
      // The folder was made before, so that the link is in it.
      assert.ok(executed.kind === 'ended');
      assert.deepEqual(executed.result.outputFiles, []);
      const replaced = await rig.run(`rmdir out; ${script}`, { outputPaths: ['out/passwd'] });
      assert.ok(replaced.kind === 'failed' && replaced.error.code === 'action/bad-output', script);
    }
    await assert.rejects(rig.run('true', { tree: { out: '-> /etc' }, outputPaths: ['out/sub/file'] }), {
      code: 'action/malformed',
    });
    const inner = await rig.ended('echo x >real/f', {
      tree: { out: '-> /build/real', real: {} },
      outputPaths: ['out/f'],
    });
    assert.deepEqual(await rig.outputs(inner), { 'out/f': 'x\n' });
    const loop = await rig.ended('rmdir a; ln -s b a; ln -s a b', { outputPaths: ['a/f'] });
    assert.deepEqual(loop.outputFiles, []);
  });

  test('cannot give back what no tree holds', async () => {
    await using rig = new Rig();
    for (const script of [
      'mkfifo o',
      'mkdir o; mkfifo o/x',
      'python3 -c \'import socket; s = socket.socket(socket.AF_UNIX); s.bind("o")\'',
    ]) {
      const executed = await rig.run(script, { outputPaths: ['o'] });
      assert.ok(executed.kind === 'failed' && executed.error.code === 'action/bad-output', script);
      assert.match(executed.error.message, /^the output 'o' cannot be given back: /);
    }
    const deep = await rig.run('p=o; i=0; while [ $i -lt 100 ]; do p=$p/d; i=$((i+1)); done; mkdir -p $p', {
      outputPaths: ['o'],
    });
    assert.ok(deep.kind === 'failed' && deep.error.code === 'action/bad-output');
    const names = await rig.run('mkdir o; touch "$(printf "o/\\377")"', { outputPaths: ['o'] });
    assert.ok(names.kind === 'failed' && /no UTF-8/.test(names.error.message));
  });

  test('has its paths refused that lead elsewhere', async () => {
    await using rig = new Rig();
    for (const command of [
      { outputPaths: ['/etc/passwd'] },
      { outputPaths: ['../x'] },
      { outputPaths: ['a\0b'] },
      { outputFiles: [''] },
      { workingDirectory: '..' },
      { workingDirectory: '/' },
      { outputFiles: ['a'], outputDirectories: ['a'] },
      { outputPaths: ['x'.repeat(5000)] },
      { environmentVariables: [{ name: 'A=B', value: '' }] },
      { environmentVariables: [{ name: 'A', value: '\0' }] },
      { arguments: [] },
      { arguments: ['a\0'] },
    ])
      await assert.rejects(rig.run('true', command), { code: 'action/malformed' }, JSON.stringify(command));
    await assert.rejects(rig.run('true', { tree: { file: 'f' }, workingDirectory: 'file' }), {
      code: 'action/malformed',
    });
    await assert.rejects(rig.run('true', { tree: { file: 'f' }, outputPaths: ['file/x'] }), {
      code: 'action/malformed',
    });
  });
});
