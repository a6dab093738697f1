import assert from 'node:assert/strict';
import { test } from 'node:test';
import { isNearbyAddress, isNearbyError, lookupDistant, requireDistantHost } from './public-servers.ts';

test('addresses of this machine and of its links', () => {
  const nearby = ['127.0.0.1', '127.255.0.3', '0.0.0.0', '169.254.169.254', '::1', '::', 'fe80::1', '::ffff:127.0.0.1'];
  for (const address of nearby) assert.equal(isNearbyAddress(address), true, address);
  const distant = ['10.0.0.1', '192.0.2.1', '128.0.0.1', '2001:db8::1', 'fd00::1', '::ffff:192.0.2.1', 'localhost'];
  for (const address of distant) assert.equal(isNearbyAddress(address), false, address);
});

test('hosts that are not to be asked', async () => {
  assert.throws(() => requireDistantHost('[::1]'), isNearbyError);
  requireDistantHost('192.0.2.1');
  requireDistantHost('localhost');
  for (const all of [true, false]) {
    const found = await new Promise<unknown>(resolve => lookupDistant('localhost', { all }, error => resolve(error)));
    assert.ok(isNearbyError(found), String(found));
  }
});
