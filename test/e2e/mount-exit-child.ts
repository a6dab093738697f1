/**
 * Mounts a view of nothing and ends in the way that its second argument names, while somebody reads what never comes.
 *
 *     mount-exit-child FOLDER exit|throw|dispose
 */
import { spawn } from 'node:child_process';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { byteStringFromText } from '../../src/base/index.ts';
import { DiskBlobStore, digestOf } from '../../src/castore/index.ts';
import { FuseMount } from '../../src/fuse/index.ts';

const [folder = '', way = ''] = process.argv.slice(2);
const mountPoint = join(folder, 'mount');
const dataFolder = join(folder, 'data');
mkdirSync(mountPoint);
await using _store = new DiskBlobStore(dataFolder);
const asked = Promise.withResolvers<void>();
const mount = await FuseMount.mount({
  mountPoint,
  dataFolder,
  source: {
    fetchBlob: () => {
      asked.resolve();
      return new Promise(() => {});
    },
    reportProblem: problem => console.error(problem),
  },
});
const digest = digestOf(Buffer.from('never'));
mount.addView('view', [{ name: byteStringFromText('file'), node: { kind: 'file', digest, executable: false } }]);
const reader = spawn('cat', [join(mount.pathOf('view'), 'file')], { stdio: 'ignore' });
await asked.promise;
reader.unref();
if (way === 'exit') process.exit(3);
if (way === 'throw') throw new Error('on purpose');
// It keeps the process no longer than it is wanted.
await mount[Symbol.asyncDispose]();
process.exitCode = 3;
