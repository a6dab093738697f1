import assert from 'node:assert/strict';
import { EventEmitter } from 'node:events';
import type { Http2Session } from 'node:http2';
import { describe, it } from 'node:test';
import { ReceiveWindows } from './receive-windows.ts';

const mib = 1024 * 1024;

/** A session that notes what windows it was given. */
class FakeSession extends EventEmitter {
  readonly destroyed = false;
  readonly closed = false;
  size = 65_535;

  setLocalWindowSize(): void {}

  settings({ initialWindowSize }: { readonly initialWindowSize: number }): void {
    this.size = initialWindowSize;
  }
}

function attach(windows: ReceiveWindows) {
  const session = new FakeSession();
  return { session, window: windows.attach(session as unknown as Http2Session) };
}

describe('ReceiveWindows', () => {
  it('grow for who sends much, and are shared by its streams', () => {
    const { session, window } = attach(new ReceiveWindows(64 * mib));
    window.open();
    window.received(200_000);
    assert.equal(session.size, 65_535);
    window.received(100_000);
    assert.equal(session.size, 4 * mib);
    for (let i = 1; i < 16; i++) window.open();
    assert.equal(session.size, mib);
    for (let i = 16; i < 1000; i++) window.open();
    assert.equal(session.size, 65_535);
  });

  it('stay within the budget, and take back what is idle', () => {
    const windows = new ReceiveWindows(8 * mib);
    const all = [0, 1, 2].map(() => attach(windows));
    for (const { window } of all) {
      window.open();
      window.received(mib);
    }
    assert.deepEqual(
      all.map(({ session }) => session.size),
      [4 * mib, 4 * mib, 65_535],
    );
    all[0]!.window.close();
    all[2]!.window.received(mib);
    assert.deepEqual(
      all.map(({ session }) => session.size),
      [65_535, 4 * mib, 4 * mib],
    );
    all[1]!.session.emit('close');
    all[0]!.window.open();
    all[0]!.window.received(mib);
    assert.equal(all[0]!.session.size, 4 * mib);
  });
});
