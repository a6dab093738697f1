import assert from 'node:assert/strict';
import { mkdirSync, readFileSync, readlinkSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { noise, temporaryFolder } from '../../src/testing/index.ts';
import { BuildboxCasd } from './buildbox-casd.ts';
import { Peer, type PeerResult, unlessInstalled } from './peer.ts';
import { ServedFirn } from './served-firn.ts';

const trexe = Peer.find('trexe');
const casupload = Peer.find('casupload');
const casdownload = Peer.find('casdownload');
const casd = Peer.find('buildbox-casd');

function expectOk(result: PeerResult | undefined): void {
  assert.ok(result !== undefined);
  assert.equal(result.status, 0, result.output);
}

describe('trexe', { skip: unlessInstalled(['trexe', trexe]) }, () => {
  let firn: ServedFirn;
  let folder: ReturnType<typeof temporaryFolder>;

  before(async () => {
    folder = temporaryFolder();
    mkdirSync(join(folder.path, 'in'));
    writeFileSync(join(folder.path, 'in/data'), 'input\n');
    firn = await ServedFirn.start();
  });

  after(async () => {
    await firn?.[Symbol.asyncDispose]();
    folder?.[Symbol.dispose]();
  });

  async function run(...args: readonly string[]) {
    const result = await trexe?.run([`--remote=http://${firn.grpc}`, ...args], { cwd: folder.path });
    assert.ok(result !== undefined);
    return result;
  }

  test('runs a command, and finds its result the next time', async () => {
    mkdirSync(join(folder.path, 'out'));
    const command = ['/bin/sh', '-c', 'cat in/data > result; echo said; echo complained >&2; date +%N > when'];
    const whens: string[] = [];
    for (const _ of [1, 2]) {
      const { status, output } = await run(
        '--input-path=in:in',
        '--output-path=result',
        '--output-path=when',
        '--d=out',
        '--stdout-file=stdout',
        '--stderr-file=stderr',
        ...command,
      );
      assert.equal(status, 0, output);
      assert.equal(readFileSync(join(folder.path, 'out/result'), 'utf8'), 'input\n');
      assert.equal(readFileSync(join(folder.path, 'stdout'), 'utf8'), 'said\n');
      assert.equal(readFileSync(join(folder.path, 'stderr'), 'utf8'), 'complained\n');
      whens.push(readFileSync(join(folder.path, 'out/when'), 'utf8'));
    }
    assert.equal(whens[0], whens[1], 'the second time nothing was run');
  });

  test('passes on exit codes', async () => {
    assert.equal((await run('/bin/sh', '-c', 'exit 42')).status, 42);
  });

  test('leaves an action running, and comes back for its outputs', async () => {
    mkdirSync(join(folder.path, 'later'));
    const started = await run('--no-wait', '--output-path=made', '/bin/sh', '-c', 'sleep 1; echo late > made');
    assert.equal(started.status, 0, started.output);
    const operation = started.output.trim();
    const { status, output } = await run(`--operation=${operation}`, '--wait', '--d=later');
    assert.equal(status, 0, output);
    assert.equal(readFileSync(join(folder.path, 'later/made'), 'utf8'), 'late\n');
  });

  test('cancels an action', async () => {
    mkdirSync(join(folder.path, 'never'));
    const started = await run('--no-wait', '--output-path=made', '/bin/sh', '-c', 'sleep 100000; echo > made');
    const operation = started.output.trim();
    const cancelled = await run(`--operation=${operation}`, '--cancel');
    assert.equal(cancelled.status, 0, cancelled.output);
    const waited = await run(`--operation=${operation}`, '--wait', '--d=never');
    assert.notEqual(waited.status, 0);
  });
});

describe(
  'casupload and casdownload',
  { skip: unlessInstalled(['casupload', casupload], ['casdownload', casdownload]) },
  () => {
    let firn: ServedFirn;

    before(async () => {
      firn = await ServedFirn.start();
    });

    after(() => firn?.[Symbol.asyncDispose]());

    for (const digestFunction of ['SHA256', 'SHA384', 'SHA512', 'SHA1']) {
      for (const format of ['root', 'tree']) {
        test(`bring a folder there and back, by ${digestFunction} and as a ${format}`, async () => {
          using folder = temporaryFolder();
          await roundTrip(folder.path, { remote: `http://${firn.grpc}`, digestFunction, format });
        });
      }
    }
  },
);

interface RoundTrip {
  readonly remote: string;
  readonly digestFunction: string;
  readonly format: string;
  readonly instance?: string;
}

async function roundTrip(folder: string, { remote, digestFunction, format, instance = '' }: RoundTrip): Promise<void> {
  mkdirSync(join(folder, 'up/sub'), { recursive: true });
  writeFileSync(join(folder, 'up/small'), 'small\n');
  writeFileSync(join(folder, 'up/large'), noise(5_000_000, 1));
  writeFileSync(join(folder, 'up/sub/run'), '#!/bin/sh\n', { mode: 0o755 });
  symlinkSync('../small', join(folder, 'up/sub/link'));
  const common = [`--remote=${remote}`, `--instance=${instance}`, `--digest-function=${digestFunction}`];
  const uploaded = await casupload?.run(
    [
      ...common,
      `--directory-format=${format}`,
      `--output-${format === 'root' ? 'digest' : 'tree-digest'}-file=digest`,
      'up',
    ],
    { cwd: folder },
  );
  expectOk(uploaded);
  const digest = readFileSync(join(folder, 'digest'), 'utf8').trim();
  mkdirSync(join(folder, 'down'));
  const downloaded = await casdownload?.run([...common, '--destination-dir=down', `--${format}-digest=${digest}`], {
    cwd: folder,
  });
  expectOk(downloaded);
  const down = join(folder, 'down');
  assert.equal(readFileSync(join(down, 'small'), 'utf8'), 'small\n');
  assert.deepEqual(readFileSync(join(down, 'large')), noise(5_000_000, 1));
  assert.equal(statSync(join(down, 'sub/run')).mode & 0o111, 0o111);
  assert.equal(readlinkSync(join(down, 'sub/link')), '../small');
}

const proxying = unlessInstalled(['buildbox-casd', casd], ['casupload', casupload], ['casdownload', casdownload]);
describe('buildbox-casd', { skip: proxying }, () => {
  test('stands between: what it is given comes here, and what is here is had through it', async () => {
    assert.ok(casd !== undefined);
    await using firn = await ServedFirn.start();
    using folder = temporaryFolder();
    await using first = await BuildboxCasd.start(casd, [`--cas-remote=http://${firn.grpc}`]);
    await roundTrip(folder.path, { remote: `http://${first.address}`, digestFunction: 'SHA256', format: 'root' });
    // Another, which has nothing itself.
    await using second = await BuildboxCasd.start(casd, [`--cas-remote=http://${firn.grpc}`]);
    mkdirSync(join(folder.path, 'through'));
    const digest = readFileSync(join(folder.path, 'digest'), 'utf8').trim();
    const result = await casdownload?.run(
      [`--remote=http://${second.address}`, '--destination-dir=through', `--root-digest=${digest}`],
      { cwd: folder.path },
    );
    expectOk(result);
    assert.deepEqual(readFileSync(join(folder.path, 'through/large')), noise(5_000_000, 1));
  });
});
