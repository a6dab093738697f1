import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { digestOf } from '../../castore/index.ts';
import { temporaryFolder } from '../../testing/index.ts';
import { AccessProfiles } from './access-profiles.ts';

const [a, b, c] = ['a', 'b', 'c'].map(text => digestOf(Buffer.from(text))) as [never, never, never];

test('what was read comes in its order, what was read later behind it', () => {
  using folder = temporaryFolder();
  const profiles = new AccessProfiles(join(folder.path, 'access'));
  assert.deepEqual(profiles.read('view'), []);
  profiles.begin('view');
  for (const digest of [b, a, b]) profiles.note('view', digest);
  profiles.note('another', c);
  profiles.end('view');
  assert.deepEqual(profiles.read('view'), [b, a]);
  const later = new AccessProfiles(join(folder.path, 'access'));
  later.begin('view');
  for (const digest of [a, c]) later.note('view', digest);
  later.end('view');
  assert.deepEqual(profiles.read('view'), [b, a, c]);
  assert.deepEqual(profiles.read('another'), []);
});

test('lines that say nothing are passed over', () => {
  using folder = temporaryFolder();
  const profiles = new AccessProfiles(folder.path);
  writeFileSync(join(folder.path, 'view'), `x\n${'0'.repeat(64)}/5\n/\n${'1'.repeat(64)}`);
  assert.deepEqual(profiles.read('view'), [{ hash: '0'.repeat(64), size: 5 }]);
});
