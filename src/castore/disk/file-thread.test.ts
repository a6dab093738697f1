import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { existsSync, readFileSync, readdirSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { promisify } from 'node:util';
import { errnoOf } from '../../base/index.ts';
import { noise, temporaryFolder } from '../../testing/index.ts';
import { FileThread } from './file-thread.ts';

function shared(bytes: Uint8Array): Uint8Array {
  const copy = new Uint8Array(new SharedArrayBuffer(bytes.byteLength));
  copy.set(bytes);
  return copy;
}

describe('a thread that makes files', () => {
  test('makes each with its contents, mode and time, from memory of either kind', async () => {
    using folder = temporaryFolder();
    await using thread = new FileThread();
    // More than one message, and more than one sync.
    const sizes = [0, 1, 1000, 600_000, 20_000_000, 3, 20_000_000, 5, 70_000];
    const files = sizes.map((size, i) => {
      const bytes = noise(size, i);
      return {
        path: join(folder.path, String(i)),
        mode: i % 2 === 0 ? 0o444 : 0o555,
        bytes: i % 3 === 0 ? shared(bytes) : bytes,
      };
    });
    await Promise.all(files.map(file => thread.make(file)));
    for (const { path, mode, bytes } of files) {
      assert.ok(readFileSync(path).equals(bytes));
      const stats = statSync(path);
      assert.deepEqual([stats.mode & 0o777, stats.mtimeMs], [mode, 1000]);
    }
  });

  test('tells of a file that fails what the system said, and makes the others', async () => {
    using folder = temporaryFolder();
    await using thread = new FileThread();
    writeFileSync(join(folder.path, '1'), 'there already');
    const made = ['0', '1', 'absent/2', '3'].map(name =>
      thread.make({ path: join(folder.path, name), mode: 0o444, bytes: noise(10, 1) }),
    );
    const errors = (await Promise.allSettled(made)).map(result =>
      result.status === 'rejected' ? errnoOf(result.reason) : undefined,
    );
    assert.deepEqual(errors, [undefined, 'EEXIST', 'ENOENT', undefined]);
    assert.equal(readFileSync(join(folder.path, '1'), 'utf8'), 'there already');
    assert.deepEqual(readdirSync(folder.path), ['0', '1', '3']);
  });

  test('ends with files to be made, whoever waits for them hears of it', async () => {
    using folder = temporaryFolder();
    const thread = new FileThread();
    const file = (name: string) => ({ path: join(folder.path, name), mode: 0o444, bytes: noise(300_000, 1) });
    await thread.make(file('first'));
    const sent = [thread.make(file('a')), thread.make(file('b'))];
    const waiting = thread.make(file('c'));
    const settled = Promise.allSettled([...sent, waiting]);
    await thread[Symbol.asyncDispose]();
    const results = await settled;
    assert.equal(results.at(-1)?.status, 'rejected');
    await assert.rejects(thread.make(file('d')), /has ended/);
    assert.ok(!existsSync(join(folder.path, 'c')) && !existsSync(join(folder.path, 'd')));
    await thread[Symbol.asyncDispose]();
  });

  test('starts for nobody who only ends it', async () => {
    const thread = new FileThread();
    await thread[Symbol.asyncDispose]();
    await assert.rejects(thread.make({ path: '/', mode: 0o444, bytes: new Uint8Array(1) }), /has ended/);
  });

  test('keeps a process alive for a file, and no longer', async () => {
    using folder = temporaryFolder();
    const path = join(folder.path, 'file');
    const program = `
      import { FileThread } from ${JSON.stringify(join(import.meta.dirname, 'file-thread.ts'))};
      const bytes = new Uint8Array(40_000_000);
      new FileThread().make({ path: ${JSON.stringify(path)}, mode: 0o444, bytes }).then(() => console.log('made'));`;
    const args = ['--disable-warning=ExperimentalWarning', '--input-type=module', '--eval', program];
    const { stdout } = await promisify(execFile)(process.execPath, args);
    assert.equal(stdout, 'made\n');
    assert.equal(statSync(path).size, 40_000_000);
  });
});
