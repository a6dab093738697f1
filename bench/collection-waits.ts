/**
 * How long additions wait for a collection: adds paths to a store while another process collects 100,000 of its paths.
 *
 *     node bench/collection-waits.ts [--folder DIR] [--paths N]
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { removeTree } from '../src/castore/index.ts';
import { LocalStore, addToStore } from '../src/store/index.ts';
import { quantile } from './framework/statistics.ts';
import { fillOwnStore, storeBelow } from './workloads/two-stores.ts';

const { values } = parseArgs({
  options: { folder: { type: 'string', default: tmpdir() }, paths: { type: 'string', default: '100000' } },
});

async function main(): Promise<void> {
  const root = mkdtempSync(join(values.folder, 'firn-bench-'));
  try {
    await fillOwnStore(root, { live: Number(values.paths), dead: Number(values.paths) });
    report('nobody collects', await addFor(root, () => Promise.resolve(), 100));
    const collector = spawn(join(import.meta.dirname, '..', 'bin', 'nix-store'), ['--gc'], {
      env: { HOME: root, PATH: process.env['PATH'], NIX_REMOTE: `local?root=${root}`, NIX_CONF_DIR: '/var/empty' },
      stdio: 'ignore',
    });
    const ended = once(collector, 'close');
    report('while one collects', await addFor(root, () => ended, Infinity));
    if (collector.exitCode !== 0) throw new Error(`the collection ended with ${collector.exitCode}`);
  } finally {
    removeTree(root);
  }
}

interface Waits {
  /** In milliseconds: until a path is held. */
  readonly hold: number[];
  /** The whole addition of a small file. */
  readonly add: number[];
}

/** Adds `most` small files one after the other; with no limit until `ended` is fulfilled. */
async function addFor(root: string, ended: () => Promise<unknown>, most: number): Promise<Waits> {
  const { store: realStoreDir, state: dataFolder } = storeBelow(root);
  const waits: Waits = { hold: [], add: [] };
  const state = { isOver: false };
  if (most === Infinity) void ended().then(() => (state.isOver = true));
  for (let i = 0; !state.isOver && i < most; i++) {
    await using store = new LocalStore({ dataFolder, realStoreDir });
    const contents = Buffer.from(`added ${most} ${i}\n`);
    const start = performance.now();
    const { path } = await addToStore(
      store,
      async sink => {
        sink.startFile(false, contents.byteLength);
        sink.fileData(contents);
        sink.endFile();
      },
      { name: `added-${i}`, method: 'flat' },
    );
    waits.add.push(performance.now() - start);
    store.temporaryRoots[Symbol.dispose]();
    const held = performance.now();
    await store.collector.addTemporaryRoots([path]);
    waits.hold.push(performance.now() - held);
  }
  return waits;
}

function report(when: string, { hold, add }: Waits): void {
  const line = (name: string, times: readonly number[]) => {
    const [half, most, all] = [0.5, 0.99, 1].map(share => quantile(times, share).toFixed(1));
    console.log(`${when}: ${name} ${times.length} times: median ${half} ms, 99 % ${most} ms, longest ${all} ms`);
  };
  line('hold', hold);
  line('add', add);
}

await main();
