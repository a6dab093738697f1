import assert from 'node:assert/strict';
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, lstatSync, readFileSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { describe, test } from 'node:test';
import { byteStringFromText } from '../../src/base/index.ts';
import {
  type Digest,
  type DirectoryEntry,
  type FileNode,
  digestOf,
  encodeDirectory,
  putBlob,
  repairBlob,
} from '../../src/castore/index.ts';
import { MountRig, mountObstacle, noise, temporaryFolder } from '../../src/testing/index.ts';

const skip = (await mountObstacle()) ?? false;

const fileOf = (bytes: Uint8Array): FileNode => ({ kind: 'file', digest: digestOf(bytes), executable: false });

interface Read {
  readonly status: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** Reads in a process of its own: in ours it would wait for itself. */
function startReading(path: string, program = 'cat'): { readonly child: ChildProcess; readonly read: Promise<Read> } {
  const child = spawn(program, [path], { stdio: ['ignore', 'pipe', 'pipe'], env: { ...process.env, LC_ALL: 'C' } });
  const read = Promise.all([text(child.stdout), text(child.stderr), once(child, 'close')]).then(([stdout, stderr]) => {
    const { exitCode: status, signalCode: signal } = child;
    return { status, signal, stdout, stderr };
  });
  return { child, read };
}

const readWith = (path: string, program?: string): Promise<Read> => startReading(path, program).read;

describe('what is not on this disk', { skip }, () => {
  test('comes when it is read, once for all who read it', async () => {
    await using rig = await MountRig.open();
    const blobs = [noise(3_000_000, 1), Buffer.from('small'), Buffer.alloc(0)];
    const byHash = new Map(blobs.map(bytes => [digestOf(bytes).hash, bytes]));
    const entries = blobs.map((bytes, i): DirectoryEntry => ({
      name: byteStringFromText(`f${i}`),
      node: fileOf(bytes),
    }));
    const directory = encodeDirectory({ entries });
    byHash.set(digestOf(directory).hash, Buffer.from(directory));
    const asked: Digest[] = [];
    rig.fetchBlob = async digest => {
      asked.push(digest);
      const bytes = byHash.get(digest.hash) ?? assert.fail('another blob');
      // Some go to the store, some are given as they are.
      if (digest.size > 100) await putBlob(rig.store, bytes);
      return digest.size > 100 ? undefined : bytes;
    };
    const shown = rig.show({ kind: 'directory', digest: digestOf(directory) });
    // What it is called and how large it is costs nothing.
    assert.equal(lstatSync(shown).isDirectory(), true);
    assert.deepEqual(asked, []);
    const listed = await readWith(shown, 'ls');
    assert.equal(listed.stdout, 'f0\nf1\nf2\n');
    assert.deepEqual(
      asked.map(({ size }) => size),
      [directory.byteLength],
    );
    const reads = await Promise.all(Array.from({ length: 5 }, () => readWith(`${shown}/f0`, 'sha256sum')));
    for (const { stdout } of reads) assert.ok(stdout.startsWith(digestOf(blobs[0]!).hash), stdout);
    assert.equal((await readWith(`${shown}/f1`)).stdout, 'small');
    assert.equal((await readWith(`${shown}/f2`)).status, 0);
    assert.equal(asked.length, 3);
    assert.deepEqual(rig.problems, []);
  });

  test('keeps nobody waiting who wants something else', async () => {
    await using rig = await MountRig.open();
    const slow = fileOf(Buffer.from('slow'));
    const asked = Promise.withResolvers<void>();
    const answer = Promise.withResolvers<Uint8Array>();
    rig.fetchBlob = () => {
      asked.resolve();
      return answer.promise;
    };
    const shownSlow = rig.show(slow, 'slow');
    const { read } = startReading(shownSlow);
    await asked.promise;
    const here = fileOf(Buffer.from('here'));
    await putBlob(rig.store, Buffer.from('here'));
    assert.equal(readFileSync(rig.show(here, 'here'), 'utf8'), 'here');
    // To remove a name waits for nobody who reads below it.
    await rig.mount.removeView('here');
    answer.resolve(Buffer.from('slow'));
    assert.equal((await read).stdout, 'slow');
  });

  test('keeps nobody waiting, however many wait for it', async () => {
    await using rig = await MountRig.open();
    const answer = Promise.withResolvers<undefined>();
    let asked = 0;
    const all = Promise.withResolvers<void>();
    rig.fetchBlob = async ({ size }) => {
      if (++asked === 150) all.resolve();
      await answer.promise;
      return Buffer.alloc(size);
    };
    const entries = Array.from({ length: 150 }, (_, i) => Buffer.alloc(100_000 + i)).map((bytes): DirectoryEntry => ({
      name: byteStringFromText(`f${bytes.byteLength}`),
      node: fileOf(bytes),
    }));
    const root = await putBlob(rig.store, encodeDirectory({ entries }));
    const folder = rig.show({ kind: 'directory', digest: root }, 'slow');
    const readers = spawn('sh', ['-c', 'for f in f*; do cat $f > /dev/null & done; wait'], { cwd: folder });
    await all.promise;
    const here = noise(2_000_000, 9);
    const shown = rig.show({ kind: 'file', digest: await putBlob(rig.store, here), executable: false }, 'here');
    assert.ok(readFileSync(shown).equals(here));
    answer.resolve(undefined);
    await once(readers, 'close');
    assert.equal(readers.exitCode, 0);
  });

  test('does not keep a reader who is killed', async () => {
    await using rig = await MountRig.open();
    const withdrawn = Promise.withResolvers<void>();
    const asked = Promise.withResolvers<void>();
    rig.fetchBlob = (_digest, { signal }) => {
      asked.resolve();
      signal?.addEventListener('abort', () => withdrawn.resolve(), { once: true });
      return new Promise(() => {});
    };
    const directory = rig.show({ kind: 'directory', digest: digestOf(Buffer.from('x')) });
    for (const signal of ['SIGTERM', 'SIGKILL'] as const) {
      const { child, read } = startReading(`${directory}/name`);
      await asked.promise;
      child.kill(signal);
      assert.equal((await read).signal, signal);
    }
    await withdrawn.promise;
  });

  test('is an error when it cannot be had, and can be had later', async () => {
    await using rig = await MountRig.open();
    const bytes = noise(200_000, 5);
    const shown = rig.show(fileOf(bytes));
    rig.fetchBlob = () => Promise.reject(new Error('the server has gone'));
    const failed = await readWith(shown);
    assert.equal(failed.status, 1);
    assert.match(failed.stderr, /Input\/output error/);
    assert.equal((await rig.problem())?.kind, 'not fetched');
    assert.equal((await rig.problem())?.message, 'the server has gone');
    rig.fetchBlob = async () => bytes;
    assert.equal((await readWith(shown, 'sha256sum')).stdout.slice(0, 64), digestOf(bytes).hash);
  });

  test('is an error when other bytes come than it is made of', async () => {
    await using rig = await MountRig.open();
    const shown = rig.show(fileOf(Buffer.from('truth')));
    for (const lie of ['lies!', 'longer than it', '']) {
      rig.problems.length = 0;
      rig.fetchBlob = async () => Buffer.from(lie);
      assert.match((await readWith(shown)).stderr, /Input\/output error/);
      assert.equal((await rig.problem())?.kind, 'not fetched');
    }
    // Who says that it is here now, and it is not.
    rig.problems.length = 0;
    rig.fetchBlob = async () => undefined;
    assert.match((await readWith(shown)).stderr, /Input\/output error/);
    assert.equal((await rig.problem())?.kind, 'not fetched');
    rig.fetchBlob = async () => Buffer.from('truth');
    assert.equal((await readWith(shown)).stdout, 'truth');
  });

  test('is an error when nothing is heard of it for too long', async () => {
    await using rig = await MountRig.open({ patience: 50 });
    const aborted: boolean[] = [];
    rig.fetchBlob = (_digest, { signal }) =>
      new Promise((_, reject) => {
        signal?.addEventListener('abort', () => {
          aborted.push(true);
          reject(new Error('aborted'));
        });
      });
    const shown = rig.show(fileOf(Buffer.from('never')));
    assert.match((await readWith(shown)).stderr, /Input\/output error/);
    assert.equal((await rig.problem())?.kind, 'too late');
    rig.fetchBlob = async () => Buffer.from('never');
    assert.equal((await readWith(shown)).stdout, 'never');
    assert.ok(aborted.length > 0);
  });

  test('is waited for as long as something is heard of it', async () => {
    await using rig = await MountRig.open({ patience: 400 });
    rig.fetchBlob = async (_digest, { progress }) => {
      const { promise, resolve } = Promise.withResolvers<Uint8Array>();
      let left = 12;
      const timer = setInterval(() => {
        progress();
        if (left-- === 0) resolve(Buffer.from('late'));
      }, 50);
      return promise.finally(() => clearInterval(timer));
    };
    assert.equal((await readWith(rig.show(fileOf(Buffer.from('late'))))).stdout, 'late');
  });

  test('may be a program, whose source goes while it is started', async () => {
    await using rig = await MountRig.open();
    const program = readFileSync('/bin/ls');
    const node: FileNode = { kind: 'file', digest: digestOf(program), executable: true };
    const shown = rig.show(node);
    rig.fetchBlob = () => Promise.reject(new Error('gone'));
    // Who starts a program waits for it to be loaded: not this thread, which fetches.
    const failed = await readWith(shown, 'env');
    assert.equal(failed.status, 126);
    assert.match(failed.stderr, /Input\/output error/);
    rig.fetchBlob = async () => program;
    assert.equal((await readWith(shown, 'env')).status, 0);
  });

  test('does not keep anybody when the mount is taken away', async () => {
    let read: Promise<Read>;
    {
      await using rig = await MountRig.open();
      const asked = Promise.withResolvers<void>();
      rig.fetchBlob = () => {
        asked.resolve();
        return new Promise(() => {});
      };
      ({ read } = startReading(rig.show(fileOf(Buffer.from('never')))));
      await asked.promise;
    }
    assert.equal((await read).status, 1);
  });
});

describe('what is damaged on this disk', { skip }, () => {
  const bytes = noise(100_000, 7);

  async function damagedRig() {
    const rig = await MountRig.open();
    const digest = await putBlob(rig.store, bytes);
    const node: FileNode = { kind: 'file', digest, executable: false };
    const path = rig.store.pathOf(node);
    chmodSync(path, 0o644);
    const other = Buffer.from(bytes);
    other[50_000]! ^= 1;
    writeFileSync(path, other);
    utimesSync(path, 5, 5);
    return { rig, node, shown: rig.show(node) };
  }

  test('is an error and reported, and never shown', async () => {
    const { rig: made, shown } = await damagedRig();
    await using rig = made;
    const isDamaged: boolean[] = [];
    rig.fetchBlob = (_digest, options) => {
      isDamaged.push(options.isDamaged);
      return Promise.reject(new Error('nobody else has it'));
    };
    const { status, stderr, stdout } = await readWith(shown);
    assert.equal(status, 1);
    assert.equal(stdout, '');
    assert.match(stderr, /Input\/output error/);
    assert.ok(isDamaged.every(Boolean) && isDamaged.length > 0);
    assert.equal((await rig.problem())?.kind, 'damaged');
  });

  test('is mended by whoever has it', async () => {
    const { rig: made, node, shown } = await damagedRig();
    await using rig = made;
    rig.fetchBlob = async (digest, options) => {
      assert.ok(options.isDamaged);
      assert.ok(!(await repairBlob(rig.store, digest)));
      await putBlob(rig.store, bytes);
      return undefined;
    };
    assert.equal((await readWith(shown, 'sha256sum')).stdout.slice(0, 64), node.digest.hash);
    assert.deepEqual(rig.problems, []);
  });
});

test('a program on the mount may be started by who serves it', { skip }, async () => {
  await using rig = await MountRig.open();
  const program = readFileSync('/bin/ls');
  const digest = await putBlob(rig.store, program);
  const shown = rig.show({ kind: 'file', digest, executable: true });
  // Both wait for the program to be loaded, this thread with them.
  assert.equal(spawnSync(shown, [rig.mount.mountPoint]).stdout.toString(), 'view\n');
});

for (const [way, status] of [
  ['exit', 3],
  ['throw', 1],
  ['dispose', 3],
] as const) {
  test(`nothing is left when the process ends by ${way}`, { skip }, () => {
    using folder = temporaryFolder();
    const script = join(import.meta.dirname, 'mount-exit-child.ts');
    const ended = spawnSync(process.execPath, ['--disable-warning=ExperimentalWarning', script, folder.path, way]);
    assert.equal(ended.status, status, ended.stderr.toString());
    assert.ok(!readFileSync('/proc/self/mounts', 'utf8').includes(folder.path));
  });
}
