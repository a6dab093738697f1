/** Adds paths to the local store below argv[2], in groups, and says when it begins and which it has added. */
import { writeSync } from 'node:fs';
import { join } from 'node:path';
import { byteStringFromText, byteStringOf } from '../../src/base/index.ts';
import type { StorePath } from '../../src/nix-compat/index.ts';
import { LocalStore } from '../../src/store/index.ts';
import { type TestTree, noise, offerTree } from '../../src/testing/index.ts';

const [folder = ''] = process.argv.slice(2);
const text = byteStringFromText;

function tree(seed: number): TestTree {
  const sizes = [100, 5000, 20_000, 300_000];
  const entries = sizes.map((size, at) => {
    const contents = byteStringOf(noise(size, seed * 10 + at));
    return [text(`file${at}`), { type: 'file', executable: at === 2, contents }] as const;
  });
  return { type: 'directory', entries: [...entries, [text('link'), { type: 'symlink', target: text('file0') }]] };
}

await using store = new LocalStore({ dataFolder: join(folder, 'data'), realStoreDir: join(folder, 'store') });
writeSync(1, 'begin\n');
for (let turn = 0; turn < 4; turn++) {
  const paths: StorePath[] = [];
  const additions = Array.from({ length: 6 }, (_, at) => {
    const references = paths.slice(-2);
    const addition = offerTree(tree(process.pid * 100 + turn * 10 + at), { name: `path${at}`, references });
    paths.push(addition.path);
    return addition;
  });
  const added = (path: StorePath) => void writeSync(1, `${path}\n`);
  await store.writer.add(additions.toReversed(), { checkSignatures: false, added });
}
