/**
 * Adds paths to the store in argv[2], some of which were there before and may be garbage by then, and makes sure that
 * what it holds stays. argv[3] tells one such process from another.
 */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { walkNodes } from '../../src/castore/index.ts';
import { type StorePath, storePathName } from '../../src/nix-compat/index.ts';
import { addTestPath, openLocalStoreIn } from '../../src/testing/index.ts';

const [folder = '', which = ''] = process.argv.slice(2);
let longest = 0;

for (let turn = 0; turn < 12; turn++) {
  await using store = openLocalStoreIn(folder);
  const held: StorePath[] = [];
  for (let i = 0; i < 5; i++) {
    const before = performance.now();
    const base = await addTestPath(store, `base${(turn + i) % 7}`);
    const own = await addTestPath(store, `own-${which}-${(turn * 5 + i) % 11}`, [base]);
    longest = Math.max(longest, performance.now() - before);
    held.push(base, own);
    for (const path of held) {
      const info = await store.pathInfo(path);
      assert.ok(info !== undefined, `${path} is gone`);
      for (const name of ['small', 'large']) readFileSync(join(folder, 'store', path, name));
      assert.equal(readFileSync(join(folder, 'store', path, 'small'), 'latin1'), `small ${storePathName(path)}`);
      for await (const visit of walkNodes(store.blobs, await store.rootOf(path), '')) {
        if (visit.step === 'node' && visit.node.kind === 'file')
          assert.deepEqual(await store.blobs.findMissing([visit.node.digest]), [], `a blob of ${path} is gone`);
      }
    }
  }
}
console.log(longest.toFixed(0));
