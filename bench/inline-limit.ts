/**
 * What a blob costs as a row of the database and as a file, by size: adding 10,000 of them in one batch, then reading
 * each. Prints JSON; docs/adr/0003 quotes it. Run: scripts/run bench/inline-limit.ts
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { mapConcurrent } from '../src/base/index.ts';
import { DiskBlobStore } from '../src/castore/index.ts';
import { noise } from '../src/testing/index.ts';

const count = 10_000;
const rounds = 3;

async function measure(size: number, inlineLimit: number): Promise<{ readonly add: number; readonly read: number }> {
  const folder = mkdtempSync(join(tmpdir(), 'firn-bench-'));
  try {
    const blobs = Array.from({ length: count }, (_, i) => noise(size, i));
    await using store = new DiskBlobStore(folder, { inlineLimit });
    const start = performance.now();
    await using batch = store.batch();
    const digests = await mapConcurrent(blobs, { limit: 16 }, blob => batch.put(blob));
    await batch.commit();
    const added = performance.now();
    for (const digest of digests) await store.get(digest);
    return { add: added - start, read: performance.now() - added };
  } finally {
    rmSync(folder, { recursive: true });
  }
}

const median = (values: readonly number[]) => Math.round(values.toSorted((a, b) => a - b)[values.length >> 1] ?? 0);

for (const kib of [0.25, 1, 2, 4, 8, 16, 32]) {
  const runs = { rows: [] as { add: number; read: number }[], files: [] as { add: number; read: number }[] };
  for (let round = 0; round < rounds; round++) {
    runs.rows.push(await measure(kib * 1024, kib * 1024));
    runs.files.push(await measure(kib * 1024, 0));
  }
  for (const [as, all] of Object.entries(runs)) {
    console.log(
      JSON.stringify({ kib, as, addMs: median(all.map(run => run.add)), readMs: median(all.map(run => run.read)) }),
    );
  }
}
