import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test } from 'node:test';
import { byteStringFromText } from '../base/index.ts';
import { type TestTree, TreeRecorder, openTestStore, playTree, temporaryFolder } from '../testing/index.ts';
import { addTree } from './add-tree.ts';
import type { TreeSource } from './store.ts';

test('a file that only its contents name is not executable, whatever store it goes to', async () => {
  using folder = temporaryFolder();
  const tree: TestTree = { type: 'file', executable: true, contents: byteStringFromText('#!/bin/sh\n') };
  const source: TreeSource = async sink => playTree(tree, sink);
  await using store = await openTestStore(`file://${join(folder.path, 'cache')}`);
  const recorder = new TreeRecorder();
  const { path } = await addTree(store, source, { name: 'run', method: 'flat' });
  await store.streamPath(path, recorder);
  const expected = new TreeRecorder();
  playTree({ ...tree, executable: false }, expected);
  assert.deepEqual(recorder.events, expected.events);
});
