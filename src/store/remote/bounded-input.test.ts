import assert from 'node:assert/strict';
import { PassThrough, Readable } from 'node:stream';
import { test } from 'node:test';
import { BoundedInput } from './bounded-input.ts';

test('passes everything on, in order', async () => {
  const chunks = Array.from({ length: 100 }, (_, at) => Buffer.alloc(10_000, at));
  const input = new BoundedInput(Readable.from(chunks));
  const got: Buffer[] = [];
  for await (const chunk of input) got.push(Buffer.from(chunk));
  assert.ok(Buffer.concat(got).equals(Buffer.concat(chunks)));
  assert.equal(input.ended.aborted, true);
});

test('does not take in more than it may while nobody reads', async () => {
  let given = 0;
  const endless = new Readable({
    read() {
      given += 64 * 1024;
      this.push(Buffer.alloc(64 * 1024));
    },
  });
  const input = new BoundedInput(endless);
  const reading = input[Symbol.asyncIterator]();
  await reading.next();
  await new Promise(resolve => setImmediate(resolve));
  assert.ok(given < 2 * 1024 * 1024, `${given} bytes`);
  endless.destroy();
});

test('notices the end while nobody reads', async () => {
  const stream = new PassThrough();
  const input = new BoundedInput(stream);
  const ended = new Promise(resolve => input.ended.addEventListener('abort', resolve));
  stream.end();
  await ended;
  assert.equal((await input[Symbol.asyncIterator]().next()).done, true);
});

test('fails as the stream does', async () => {
  const stream = new PassThrough();
  const reading = new BoundedInput(stream)[Symbol.asyncIterator]().next();
  stream.destroy(new Error('the cable is cut'));
  await assert.rejects(reading, /the cable is cut/);
});

test('what has been received without the event loop comes after what it has brought', async () => {
  const stream = new PassThrough();
  const late = ['late'];
  let heard = 0;
  const input = new BoundedInput(stream, {
    heard: () => heard++,
    receive: () => late.splice(0).map(text => Buffer.from(text))[0],
  });
  stream.write('early');
  const reading = input[Symbol.asyncIterator]();
  await new Promise(resolve => setImmediate(resolve));
  assert.equal(heard, 1);
  const chunks = [reading.ready?.(), reading.ready?.(), reading.ready?.()];
  assert.deepEqual(
    chunks.map(chunk => chunk?.toString()),
    ['early', 'late', undefined],
  );
  stream.end('more');
  const { value } = await reading.next();
  assert.equal(String(value), 'more');
});
