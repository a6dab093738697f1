import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { chmodSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { DiskBlobStore, digestOf } from '../../src/castore/index.ts';
import { CountingRelay, findBusybox, mountObstacle } from '../../src/testing/index.ts';
import { ServedFirn } from '../clients/served-firn.ts';
import { addPath, addTool } from './added-paths.ts';
import { RemoteShell } from './remote-shell.ts';

const skip = (await mountObstacle()) ?? false;

describe('an action whose closure is elsewhere', { skip }, () => {
  let upstream: ServedFirn;
  let relay: CountingRelay;
  let server: ServedFirn;
  let shell: RemoteShell;
  let tool: string;
  /** Another program for each fault: what was read once is here. */
  const far: string[] = [];

  before(async () => {
    upstream = await ServedFirn.start({ isHere: true });
    for (const name of ['cut', 'stalled', 'false']) {
      const program = (folder: string) => {
        const path = join(folder, 'busybox');
        // What stands after a program does not change it.
        writeFileSync(path, Buffer.concat([readFileSync(findBusybox()), randomBytes(3_000_000)]), { mode: 0o755 });
      };
      far.push(addPath(join(upstream.folder, 'data'), name, program));
    }
    relay = await CountingRelay.open(upstream.http);
    const config = `substituters = http://${relay.address}?trusted=1\ndownload-attempts = 1\nstalled-download-timeout = 1\nexperimental-features = nix-command flakes`;
    server = await ServedFirn.start({ isHere: true, env: { NIX_CONFIG: config } });
    tool = addTool(join(server.folder, 'data'));
    shell = new RemoteShell(server.grpc);
  });

  after(async () => {
    await shell?.[Symbol.asyncDispose]();
    await server?.[Symbol.asyncDispose]();
    await relay?.[Symbol.asyncDispose]();
    await upstream?.[Symbol.asyncDispose]();
  });

  const run = (script: string, closure: string) =>
    shell.run({ arguments: [`${tool}/bin/sh`, '-c', script], properties: { 'nix-closure': `${tool} ${closure}` } });

  const faults: readonly (readonly [what: string, begin: () => void])[] = [
    ['goes in the middle of a program', () => relay.after(500_000, () => relay.cut())],
    ['stops in the middle of a program', () => relay.after(500_000, () => relay.stall())],
    ['sends another program', () => relay.lie()],
  ];
  for (const [at, [what, begin]] of faults.entries()) {
    test(`gets an error where its upstream ${what}, and goes on afterwards`, { timeout: 30_000 }, async () => {
      const path = far[at] ?? '';
      // Whoever has it is found before.
      assert.equal((await run(`${tool}/bin/busybox ls ${path}`, path)).stdout, 'busybox\n');
      begin();
      const failed = await run(`${path}/busybox echo started`, path);
      assert.equal(failed.stdout, '');
      assert.match(failed.stderr, /I\/O error|Input\/output error/);
      assert.notEqual(failed.exitCode, 0);
      relay.restore();
      const started = await run(`${path}/busybox echo started`, path);
      assert.deepEqual([started.stdout, started.stderr], ['started\n', '']);
    });
  }

  test('never reads what is damaged on disk, which upstreams mend', { timeout: 30_000 }, async () => {
    const bytes = randomBytes(400_000);
    bytes.write('whole\n');
    const put = (folder: string) => writeFileSync(join(folder, 'file'), bytes);
    const path = addPath(join(server.folder, 'data'), 'damaged', put);
    const digest = digestOf(bytes);
    const place = await blobPlace(join(server.folder, 'data'), digest);
    chmodSync(place, 0o644);
    writeFileSync(place, Buffer.from(bytes).fill('x', 0, 10));
    const read = () => run(`${tool}/bin/busybox cat ${path}/file | ${tool}/bin/busybox sha256sum`, path);
    assert.equal(addPath(join(upstream.folder, 'data'), 'damaged', put), path);
    relay.cut();
    const alone = await run(`${tool}/bin/busybox head -n 1 ${path}/file`, path);
    assert.equal(alone.stdout, '');
    assert.match(alone.stderr, /I\/O error|Input\/output error/);
    while (!server.log.includes(`${digest.hash}/400000 is damaged`)) await delay(10);
    relay.restore();
    const mended = await read();
    assert.deepEqual([mended.stdout, mended.stderr], [`${digest.hash}  -\n`, '']);
    // What is small is given before it is on disk again.
    await using store = new DiskBlobStore(join(server.folder, 'data'));
    let again = await store.get(digest);
    for (; again === undefined; again = await store.get(digest)) await delay(10);
    assert.ok(bytes.equals(again));
  });
});

async function blobPlace(data: string, digest: ReturnType<typeof digestOf>): Promise<string> {
  await using store = new DiskBlobStore(data);
  return store.pathOf({ kind: 'file', digest, executable: false });
}
