import assert from 'node:assert/strict';
import { closeSync, writeSync } from 'node:fs';
import { test } from 'node:test';
import { makeSocketPair } from '../../base/index.ts';
import { SocketAttention } from './socket-attention.ts';

/** Two attentions of this thread, and the other ends of their sockets. */
function attentions() {
  const [a, fromA] = makeSocketPair();
  const [b, fromB] = makeSocketPair();
  return {
    a: new SocketAttention(a, () => true),
    b: new SocketAttention(b, () => true),
    fromA,
    [Symbol.dispose]: () => [a, fromA, b, fromB].forEach(fd => closeSync(fd)),
  };
}

test('only a client that was quick is watched', () => {
  using rig = attentions();
  rig.a.heard();
  writeSync(rig.fromA, 'x');
  assert.equal(rig.a.receive(), undefined, 'nothing is known of it yet');
  rig.a.heard();
  assert.equal(Buffer.from(rig.a.receive() ?? []).toString(), 'x');
  assert.equal(rig.a.receive(), undefined);
  writeSync(rig.fromA, 'y');
  assert.equal(rig.a.receive(), undefined, 'the event loop brings what comes late');
});

test('nobody is watched while others are heard in between', () => {
  using rig = attentions();
  writeSync(rig.fromA, 'x');
  for (let i = 0; i < 3; i++) {
    rig.a.heard();
    assert.equal(rig.a.receive(), undefined);
    rig.b.heard();
    assert.equal(rig.b.receive(), undefined);
  }
});

test('nobody is watched where others want the processors', () => {
  const [fd, from] = makeSocketPair();
  const attention = new SocketAttention(fd, () => false);
  attention.heard();
  attention.heard();
  writeSync(from, 'x');
  assert.equal(attention.receive(), undefined);
  closeSync(fd);
  closeSync(from);
});
