import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { toHex } from '../../src/base/index.ts';
import { noise, temporaryFolder } from '../../src/testing/index.ts';
import { Peer, unlessInstalled } from './peer.ts';
import { ServedFirn } from './served-firn.ts';

const curl = Peer.find('curl');

describe('curl', { skip: unlessInstalled(['curl', curl]) }, () => {
  const bytes = noise(3_000_000, 1);
  const hash = toHex(createHash('sha256').update(bytes).digest());

  async function run(...args: readonly string[]): Promise<string> {
    const result = await curl?.run(['-sS', ...args]);
    assert.equal(result?.status, 0);
    return result.output;
  }

  const status = ['-o', '/dev/null', '-w', '%{http_code}'];

  test('puts blobs and results of actions, and gets them', async () => {
    await using firn = await ServedFirn.start();
    using folder = temporaryFolder();
    const url = `http://${firn.http}`;
    const file = join(folder.path, 'file');
    const back = join(folder.path, 'back');
    writeFileSync(file, bytes);
    assert.equal(await run(...status, `${url}/cas/${hash}`), '404');
    assert.equal(await run(...status, '-T', file, `${url}/cas/${hash}`), '200');
    for (const path of [`cas/${hash}`, `blobs/sha256/${hash}`, `main/cas/${hash}`]) {
      await run('-f', '-o', back, `${url}/${path}`);
      assert.deepEqual(readFileSync(back), bytes, path);
    }
    await run('-f', '-r', '1000-1999', '-o', back, `${url}/blobs/sha256/${hash}`);
    assert.deepEqual(readFileSync(back), bytes.subarray(1000, 2000));
    assert.match(await run('-I', `${url}/cas/${hash}`), /^content-length: 3000000\r$/im);
    const other = 'ab'.repeat(32);
    assert.equal(await run(...status, '-T', file, `${url}/cas/${other}`), '400');
    assert.equal(await run(...status, `${url}/cas/${other}`), '404');

    // exit_code 3, as an ActionResult.
    const result = join(folder.path, 'result');
    writeFileSync(result, Buffer.of(0x20, 3));
    assert.equal(await run(...status, '-T', result, `${url}/ac/${other}`), '200');
    await run('-f', '-o', back, `${url}/ac/${other}`);
    assert.deepEqual(readFileSync(back), Buffer.of(0x20, 3));
  });

  test('finds out how the server is', async () => {
    await using firn = await ServedFirn.start();
    const url = `http://${firn.http}`;
    assert.equal(await run(`${url}/health`), 'ok\n');
    assert.match(await run(`${url}/metrics`), /^# TYPE firn_/m);
    assert.equal(await run(...status, `${url}/nothing`), '404');
  });

  test('needs a token where one is needed', async () => {
    await using firn = await ServedFirn.start({ anonymous: 'none' });
    using folder = temporaryFolder();
    const file = join(folder.path, 'file');
    writeFileSync(file, bytes);
    const url = `http://${firn.http}/cas/${hash}`;
    assert.equal(await run(...status, url), '401');
    assert.equal(await run(...status, '-T', file, url), '401');
    const token = ['-H', `authorization: Bearer ${firn.token}`];
    assert.equal(await run(...status, ...token, '-T', file, url), '200');
    assert.equal(await run(...status, ...token, url), '200');
    assert.equal(await run(...status, '-u', `:${firn.token}`, url), '200');
  });
});
