import assert from 'node:assert/strict';
import { mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { byteStringFromText } from '../../base/index.ts';
import { walkTree } from '../../castore/index.ts';
import {
  type PathInfo,
  equalHashes,
  isContentAddressed,
  parseStorePath,
  printStorePath,
} from '../../nix-compat/index.ts';
import { temporaryFolder } from '../../testing/index.ts';
import { describeTree } from '../add-tree.ts';
import { hashContents } from '../hash-contents.ts';
import { LocalStore } from '../local/local-store.ts';
import { requirePathInfo } from '../require-path-info.ts';
import type { TreeSource } from '../store.ts';
import { makeContentAddressed } from './make-content-addressed.ts';

const from =
  (path: string): TreeSource =>
  async (sink, drain) => {
    for (const _ of walkTree(path, sink)) await drain();
  };

test('what refers to renamed paths, or to itself, has the new names in it', async () => {
  using folder = temporaryFolder();
  const place = (name: string) => join(folder.path, name);
  await using store = new LocalStore({ dataFolder: place('data'), realStoreDir: place('store') });
  const add = async (name: string, references: readonly PathInfo['path'][]): Promise<void> => {
    const { narHash, narSize } = await describeTree(store.storeDir, from(place(name)), { name });
    const info: PathInfo = { path: parseStorePath(name), narHash, narSize, references, signatures: [] };
    const offer = { info, source: from(place(name)), from: 'the test', isTrusted: true };
    await store.writer.add([{ path: info.path, offers: [offer] }]);
  };
  const [library, program] = [`${'a'.repeat(32)}-library`, `${'b'.repeat(32)}-program`].map(parseStorePath);
  assert.ok(library !== undefined && program !== undefined);
  const print = (path: PathInfo['path']) => printStorePath(store.storeDir, path);
  writeFileSync(place(library), 'a library');
  mkdirSync(place(program));
  writeFileSync(join(place(program), 'self'), `${print(program)} uses ${print(library)}`);
  symlinkSync(print(library), join(place(program), 'link'));
  await add(library, []);
  await add(program, [library, program]);

  const names = await makeContentAddressed(store, store, [program]);
  const [newLibrary, newProgram] = [names.get(library), names.get(program)];
  assert.ok(newLibrary !== undefined && newProgram !== undefined);
  const info = await requirePathInfo(store, newProgram);
  assert.deepEqual(new Set(info.references), new Set([newLibrary, newProgram]));
  for (const path of [newLibrary, newProgram]) {
    const known = await requirePathInfo(store, path);
    assert.ok(isContentAddressed(store.storeDir, known));
    assert.ok(equalHashes(await hashContents(store, path), known.narHash));
  }
  const tree = await store.openTree(newProgram);
  const texts: string[] = [];
  for await (const chunk of tree.read([byteStringFromText('self')])) texts.push(Buffer.from(chunk).toString());
  assert.equal(texts.join(''), `${print(newProgram)} uses ${print(newLibrary)}`);
  assert.deepEqual(await tree.lookup([byteStringFromText('link')]), { type: 'symlink', target: print(newLibrary) });

  // Again, from the new names on, nothing changes.
  assert.deepEqual([...(await makeContentAddressed(store, store, [newProgram])).values()], [newLibrary, newProgram]);
});
