/**
 * Adds paths to the local store below argv[2], in groups, and says when it begins and which it has added. It is started
 * very often, so it does without `src/testing`, which takes a second to load.
 */
import { randomFillSync } from 'node:crypto';
import { writeSync } from 'node:fs';
import { join } from 'node:path';
import { type TreeSink, byteStringFromText } from '../../src/base/index.ts';
import { type StorePath, compareStorePaths, defaultStoreDir, makeFixedOutputPath } from '../../src/nix-compat/index.ts';
import { LocalStore, NarHasher, type PathAddition } from '../../src/store/index.ts';

const [folder = ''] = process.argv.slice(2);
const text = byteStringFromText;

/** Of files that no other addition has. */
function makeAddition(name: string, references: readonly StorePath[]): PathAddition {
  const files = [100, 5000, 20_000, 300_000].map(size => randomFillSync(new Uint8Array(size)));
  const play = (sink: TreeSink): void => {
    sink.startDirectory();
    for (const [at, bytes] of files.entries()) {
      sink.entry(text(`file${at}`));
      sink.startFile(at === 2, bytes.byteLength);
      sink.fileData(bytes);
      sink.endFile();
    }
    sink.entry(text('link'));
    sink.symlink(text('file0'));
    sink.endDirectory();
  };
  const hasher = new NarHasher();
  play(hasher.sink);
  const narHash = hasher.finish();
  const path = makeFixedOutputPath(defaultStoreDir, name, { method: 'nar', hash: narHash });
  const sorted = references.toSorted(compareStorePaths);
  const info = { path, narHash, narSize: hasher.size, references: sorted, signatures: [] };
  const source = async (sink: TreeSink, drain: () => Promise<void>): Promise<void> => {
    play(sink);
    await drain();
  };
  return { path, offers: [{ info, source, from: 'test', isTrusted: true }] };
}

await using store = new LocalStore({ dataFolder: join(folder, 'data'), realStoreDir: join(folder, 'store') });
writeSync(1, 'begin\n');
for (let turn = 0; turn < 4; turn++) {
  const paths: StorePath[] = [];
  const additions = Array.from({ length: 6 }, (_, at) => {
    const addition = makeAddition(`path${at}`, paths.slice(-2));
    paths.push(addition.path);
    return addition;
  });
  const added = (path: StorePath) => void writeSync(1, `${path}\n`);
  await store.writer.add(additions.toReversed(), { checkSignatures: false, added });
}
