import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test } from 'node:test';
import { byteStringFromText } from '../../../base/index.ts';
import { Database, type Node } from '../../../castore/index.ts';
import { hashBytes, parseStorePath } from '../../../nix-compat/index.ts';
import { temporaryFolder } from '../../../testing/index.ts';
import { PathTable } from '../path-table.ts';
import { storeSchema } from '../store-schema.ts';
import { ValidTrees } from './valid-trees.ts';

function link(target: string): Node {
  return { kind: 'symlink', target: byteStringFromText(target) };
}

function registration(name: string, target: string) {
  const path = parseStorePath(`${name.repeat(32)}-${name}`);
  const narHash = hashBytes('sha256', Buffer.from(target));
  return { info: { path, narHash, narSize: 1, references: [], signatures: [] }, root: link(target) };
}

test('a tree comes again where its path was registered again, also in place of the last row', () => {
  using folder = temporaryFolder();
  using database = new Database(join(folder.path, 'db.sqlite'), [storeSchema]);
  const table = new PathTable(database);
  const trees = new ValidTrees(database);
  const targets = () => [...trees.next()].map(node => (node.kind === 'symlink' ? node.target : ''));
  table.register([registration('a', 'one'), registration('b', 'two')]);
  assert.deepEqual(targets(), ['one', 'two']);
  assert.deepEqual(targets(), []);

  table.register([registration('a', 'three')]);
  assert.deepEqual(targets(), ['three']);

  const last = registration('b', 'two');
  table.invalidate([last.info.path]);
  table.register([registration('c', 'four')]);
  assert.deepEqual(targets(), ['four']);
});
