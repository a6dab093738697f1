import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { temporaryFolder } from '../../src/testing/index.ts';
import { Peer, type PeerResult, unlessInstalled } from './peer.ts';
import { ServedFirn } from './served-firn.ts';

const recc = Peer.find('recc');
const gcc = Peer.find('gcc');

const sources: Readonly<Record<string, string>> = {
  'number.h': '#define NUMBER 7\n',
  'number.c': '#include "number.h"\nint number(void) { return NUMBER; }\n',
  'main.c': 'int number(void);\nint main(void) { return number(); }\n',
};

describe('recc', { skip: unlessInstalled(['recc', recc], ['gcc', gcc]) }, () => {
  let firn: ServedFirn;
  let folder: ReturnType<typeof temporaryFolder>;

  before(async () => {
    folder = temporaryFolder();
    for (const [name, text] of Object.entries(sources)) writeFileSync(join(folder.path, name), text);
    firn = await ServedFirn.start();
  });

  after(async () => {
    await firn?.[Symbol.asyncDispose]();
    folder?.[Symbol.dispose]();
  });

  async function run(args: readonly string[], variables: Readonly<Record<string, string>> = {}): Promise<PeerResult> {
    const env = {
      RECC_SERVER: `http://${firn.grpc}`,
      RECC_PROJECT_ROOT: folder.path,
      RECC_LOG_LEVEL: 'info',
      ...variables,
    };
    const result = await recc?.run(args, { cwd: folder.path, env });
    assert.ok(result !== undefined);
    assert.equal(result.status, 0, result.output);
    return result;
  }

  const hit = /Action Cache hit/;

  test('compiles there, once', async () => {
    const command = ['gcc', '-c', 'number.c', '-o', 'number.o'];
    assert.match((await run(command)).output, /Remote execution finished with exit code 0/);
    const object = readFileSync(join(folder.path, 'number.o'));
    const again = await run(command);
    assert.match(again.output, hit);
    assert.deepEqual(readFileSync(join(folder.path, 'number.o')), object);
  });

  test('compiles here and uses it as a cache', async () => {
    const command = ['gcc', '-O1', '-c', 'main.c', '-o', 'main.o'];
    const variables = { RECC_CACHE_ONLY: '1', RECC_CACHE_UPLOAD_LOCAL_BUILD: '1' };
    assert.match((await run(command, variables)).output, /executing locally/);
    assert.match((await run(command, variables)).output, hit);
  });

  test('links there', async () => {
    await run(['gcc', '-c', 'number.c', '-o', 'number.o']);
    await run(['gcc', '-c', 'main.c', '-o', 'main.o']);
    const command = ['gcc', 'number.o', 'main.o', '-o', 'program'];
    const variables = { RECC_LINK: '1' };
    assert.match((await run(command, variables)).output, /Remote execution finished with exit code 0/);
    assert.match((await run(command, variables)).output, hit);
    assert.equal((await Peer.at(join(folder.path, 'program')).run([])).status, 7);
  });

  test('finds that what is compiled there is what is compiled here', async () => {
    const command = ['gcc', '-O2', '-c', 'number.c', '-o', 'verified.o'];
    const { output } = await run(command, { RECC_VERIFY: '1' });
    assert.match(output, /File digest match for 'verified\.o'/);
    assert.doesNotMatch(output, /mismatch/i);
  });

  test('passes on what the compiler complains of', async () => {
    writeFileSync(join(folder.path, 'bad.c'), 'int x = ;\n');
    const env = { RECC_SERVER: `http://${firn.grpc}`, RECC_PROJECT_ROOT: folder.path };
    const result = await recc?.run(['gcc', '-c', 'bad.c', '-o', 'bad.o'], { cwd: folder.path, env });
    assert.equal(result?.status, 1);
    assert.match(result.output, /bad\.c:1:9: error/);
  });
});
