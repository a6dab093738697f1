import assert from 'node:assert/strict';
import { closeSync, writeSync } from 'node:fs';
import { test } from 'node:test';
import { SocketWatch, makeSocketPair } from './socket-syscalls.ts';

test('a watched socket gives what has come, and nothing where nothing comes in time or ever', () => {
  const [near, far] = makeSocketPair();
  try {
    const watch = new SocketWatch(near, 4);
    assert.equal(watch.receive(0), undefined);
    assert.equal(watch.receive(performance.now() + 1), undefined);
    writeSync(far, 'abcdef');
    assert.equal(Buffer.from(watch.receive(0) ?? []).toString(), 'abcd');
    assert.equal(Buffer.from(watch.receive(0) ?? []).toString(), 'ef');
  } finally {
    closeSync(far);
  }
  assert.equal(new SocketWatch(near, 4).receive(Infinity), undefined, 'the end is for others to find');
  closeSync(near);
});
