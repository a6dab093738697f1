import assert from 'node:assert/strict';
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { silentReporter } from '../../base/index.ts';
import { type StorePath, parseMachines, parseStorePath } from '../../nix-compat/index.ts';
import { temporaryFolder } from '../../testing/index.ts';
import { SlotLocks } from './slot-locks.ts';
import { Uploads } from './uploads.ts';

const [a, b, c] = ['a', 'b', 'c'].map(name => parseStorePath(`${name.repeat(32)}-x`));
assert.ok(a !== undefined && b !== undefined && c !== undefined);
const paths = (...all: StorePath[]) => new Set(all);
const [machine] = parseMachines('ssh://machine', {
  systems: new Set(),
  workingDirectory: '/',
  readFile: () => undefined,
});
assert.ok(machine !== undefined);

/** What is sent, by promises that the test settles. */
class Sender {
  readonly sent: { readonly paths: string[]; readonly done: PromiseWithResolvers<void> }[] = [];
  #wake: (() => void) | undefined;

  readonly send = async (some: ReadonlySet<StorePath>): Promise<void> => {
    const done = Promise.withResolvers<void>();
    this.sent.push({ paths: [...some].map(path => path.slice(0, 1)), done });
    this.#wake?.();
    await done.promise;
  };

  async began(count: number): Promise<void> {
    while (this.sent.length < count) await new Promise<void>(resolve => (this.#wake = resolve));
  }

  options(signal = new AbortController().signal) {
    return { signal, reporter: silentReporter, send: this.send };
  }
}

test('what two builds need is sent once; the second sends the rest when that is there', async () => {
  using folder = temporaryFolder();
  const uploads = new Uploads(machine, new SlotLocks(folder.path));
  const sender = new Sender();
  const first = uploads.upload(paths(a, b), sender.options());
  await sender.began(1);
  const second = uploads.upload(paths(a, c), sender.options());
  let isSecondDone = false;
  const noticed = second.then(() => (isSecondDone = true));
  await new Promise(resolve => setImmediate(resolve));
  sender.sent[0]?.done.resolve();
  await first;
  await sender.began(2);
  assert.deepEqual(
    sender.sent.map(each => each.paths),
    [['a', 'b'], ['c']],
  );
  assert.equal(isSecondDone, false);
  sender.sent[1]?.done.resolve();
  await noticed;
});

test('what others fail to send is sent by those who need it', async () => {
  using folder = temporaryFolder();
  const uploads = new Uploads(machine, new SlotLocks(folder.path));
  const sender = new Sender();
  const first = uploads.upload(paths(a), sender.options());
  await sender.began(1);
  const second = uploads.upload(paths(a, b), sender.options());
  sender.sent[0]?.done.reject(new Error('the line is cut'));
  await assert.rejects(first, /the line is cut/);
  await sender.began(2);
  assert.deepEqual(sender.sent[1]?.paths.toSorted(), ['a', 'b']);
  sender.sent[1]?.done.resolve();
  await second;
});

test('other processes are kept out meanwhile, and whoever waits for them can be called off', async () => {
  using folder = temporaryFolder();
  const locks = new SlotLocks(folder.path);
  const stop = new AbortController();
  const other = await locks.lockUploads(machine, 0, stop.signal);
  assert.deepEqual(readdirSync(folder.path), ['ssh:__machine.upload-lock']);
  const sender = new Sender();
  const uploads = new Uploads(machine, locks);
  const waiting = uploads.upload(paths(a), sender.options(stop.signal));
  stop.abort(new Error('enough'));
  await assert.rejects(waiting, /enough/);
  assert.equal(sender.sent.length, 0);
  other?.[Symbol.dispose]();
  const sending = uploads.upload(paths(a), sender.options());
  await sender.began(1);
  assert.equal(await locks.lockUploads(machine, 0, new AbortController().signal), undefined);
  sender.sent[0]?.done.resolve();
  await sending;
  const after = await locks.lockUploads(machine, 0, new AbortController().signal);
  assert.ok(after !== undefined);
  after[Symbol.dispose]();
});

test('slots are locks of the machine’s, named as C++ Nix names them', () => {
  using folder = temporaryFolder();
  const locks = new SlotLocks(join(folder.path, 'current-load'));
  const two = { ...machine, maxJobs: 2 };
  const first = locks.probe(two);
  assert.equal(first.load, 0);
  const second = locks.probe(two);
  assert.equal(second.load, 1);
  assert.ok(second.free !== undefined);
  assert.deepEqual(locks.probe(two), { load: 2, free: undefined });
  assert.deepEqual(readdirSync(join(folder.path, 'current-load')).toSorted(), ['ssh:__machine-0', 'ssh:__machine-1']);
  first.free?.[Symbol.dispose]();
  const third = locks.probe(two);
  assert.equal(third.load, 1);
  third.free?.[Symbol.dispose]();
  second.free[Symbol.dispose]();
});
