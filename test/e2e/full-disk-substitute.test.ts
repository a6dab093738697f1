import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { test } from 'node:test';
import { temporaryFolder } from '../../src/testing/index.ts';

// A file system of our own takes a mount namespace, which some systems deny to ordinary users.
const denied = spawnSync('unshare', ['-rm', 'true']).status !== 0 && 'unshare -rm is not permitted here';

test('a disk that becomes full fails the substitution and nothing else', { skip: denied }, () => {
  using folder = temporaryFolder();
  const script = 'mount -t tmpfs -o size=4m none "$1" && exec "$2" --disable-warning=ExperimentalWarning "$3" "$1"';
  const child = join(import.meta.dirname, 'full-disk-substitute-child.ts');
  const args = ['-rm', 'sh', '-c', script, 'sh', folder.path, process.execPath, child];
  const { status, stdout, stderr } = spawnSync('unshare', args, { encoding: 'utf8' });
  assert.deepEqual({ status, stdout, stderr }, { status: 0, stdout: 'sound\n', stderr: '' });
});
