import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import {
  BlobMarks,
  type DirectoryNode,
  DiskBlobStore,
  importTree,
  sweepBlobs,
  verifyBlobs,
  walkNodes,
} from '../../src/castore/index.ts';
import { noise, temporaryFolder } from '../../src/testing/index.ts';
import { killMoments } from './kill-moments.ts';

const moments = killMoments;
const collector = join(import.meta.dirname, 'kill-sweep-child.ts');

function startCollector(data: string, roots: string) {
  return spawn(process.execPath, ['--disable-warning=ExperimentalWarning', collector, data, roots], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
}

/** Partly what other trees have too; rows and files. */
function makeSource(path: string, round: number): void {
  rmSync(path, { recursive: true, force: true });
  mkdirSync(join(path, 'sub'), { recursive: true });
  for (let i = 0; i < 8; i++) writeFileSync(join(path, `file${i}`), noise(100 + i * 4000, (round + i) % 20));
  writeFileSync(join(path, 'sub', 'own'), noise(20_000, round + 1000));
}

/** Adds a tree and makes it a root before its batch ends. */
async function addRoot(store: DiskBlobStore, source: string, roots: string): Promise<DirectoryNode> {
  await using batch = store.batch();
  const node = await importTree(source, batch);
  assert.ok(node.kind === 'directory');
  await batch.commit();
  writeFileSync(join(roots, nameOf(node)), '');
  return node;
}

function nameOf({ digest }: DirectoryNode): string {
  return `${digest.hash}-${digest.size}`;
}

async function assertWhole(store: DiskBlobStore, node: DirectoryNode, message: string): Promise<void> {
  for await (const visit of walkNodes(store, node, ''))
    if (visit.step === 'node' && visit.node.kind === 'file')
      assert.deepEqual(await store.findMissing([visit.node.digest]), [], message);
}

test(`collections killed at ${moments} moments, and additions meanwhile, lose nothing that is live`, async () => {
  using folder = temporaryFolder();
  const [data, source, roots] = ['data', 'source', 'roots'].map(name => join(folder.path, name));
  assert.ok(data !== undefined && source !== undefined && roots !== undefined);
  mkdirSync(roots);
  await using store = new DiskBlobStore(data);
  const live: DirectoryNode[] = [];
  let deleted = 0;
  for (let round = 0; round < moments; round++) {
    const child = startCollector(data, roots);
    const closed = once(child, 'close');
    let said = '';
    child.stdout.setEncoding('utf8').on('data', (text: string) => (said += text));
    await once(child.stdout, 'data');
    setTimeout(() => child.kill('SIGKILL'), Math.random() * 60);
    while (child.signalCode === null && child.exitCode === null) {
      makeSource(source, Math.floor(Math.random() * 1000));
      live.push(await addRoot(store, source, roots));
      const gone = live.length > 5 ? live.shift() : undefined;
      if (gone !== undefined && !live.some(node => nameOf(node) === nameOf(gone))) rmSync(join(roots, nameOf(gone)));
    }
    await closed;
    assert.equal(child.signalCode, 'SIGKILL', 'the collection failed');
    for (const count of said.split('\n')) deleted += Number(count);
    for await (const { kind } of verifyBlobs(store)) assert.equal(kind, 'orphan', `round ${round}`);
    for (const node of live) await assertWhole(store, node, `round ${round}: a live blob is absent`);
  }
  assert.ok(deleted > 0);
  const { complete } = await sweepBlobs(store, new BlobMarks(store));
  assert.ok(complete);
  assert.deepEqual(await Array.fromAsync(verifyBlobs(store)), []);
  assert.deepEqual(
    readdirSync(join(data, 'blobs')).flatMap(shard => readdirSync(join(data, 'blobs', shard))),
    [],
  );
});
