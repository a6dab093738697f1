import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { DiskBlobStore, importTree, sha256FromHex, verifyBlobs, walkNodes } from '../../src/castore/index.ts';
import { noise, temporaryFolder } from '../../src/testing/index.ts';
import { killMoments } from './kill-moments.ts';

const moments = killMoments;
const importer = join(import.meta.dirname, 'kill-import-child.ts');

/** Kills an import `delay` milliseconds after it said that it begins; what it said to have committed, in order. */
async function importAndKill(data: string, source: string, delay: number): Promise<string[]> {
  const child = spawn(process.execPath, ['--disable-warning=ExperimentalWarning', importer, data, source], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  let said = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    if (said === '') setTimeout(() => child.kill('SIGKILL'), delay);
    said += text;
  });
  await once(child, 'close');
  assert.ok(child.signalCode === 'SIGKILL' || child.exitCode === 0, `the importer ended with ${child.exitCode}`);
  return said.split('\n').slice(1, -1);
}

test(`an import killed at ${moments} random moments leaves the old state or the new one`, async () => {
  using folder = temporaryFolder();
  let committed = 0;
  for (let round = 0; round < moments; round++) {
    // Several rounds meet in one store; not all of them, since each verifies it whole.
    const data = join(folder.path, `data${Math.floor(round / 20)}`);
    const source = join(folder.path, 'source');
    mkdirSync(source, { recursive: true });
    // Partly what is there already, partly new; rows, whole files and streamed ones.
    for (let i = 0; i < 12; i++) writeFileSync(join(source, `file${i}`), noise(100 + i * 2000, round + i));
    writeFileSync(join(source, 'streamed'), noise(400_000, round));
    const roots = await importAndKill(data, source, Math.random() * 60);
    committed += roots.length;

    await using store = new DiskBlobStore(data);
    const problems = await Array.fromAsync(verifyBlobs(store));
    assert.deepEqual(
      problems.filter(({ kind }) => kind !== 'orphan'),
      [],
      `round ${round}`,
    );
    for (const root of roots) {
      const [hash = '', size = ''] = root.split('/');
      const digest = { hash: sha256FromHex(hash), size: Number(size) };
      for await (const visit of walkNodes(store, { kind: 'directory', digest }, '')) {
        if (visit.step === 'node' && visit.node.kind === 'file') {
          assert.deepEqual(
            await store.findMissing([visit.node.digest]),
            [],
            `round ${round}: a committed blob is absent`,
          );
        }
      }
    }
    await using batch = store.batch();
    await importTree(source, batch);
    if (round % 10 === 0) await batch.commit();
  }
  assert.ok(committed > 0 && committed < moments * 5, `${committed} imports were committed`);
});
