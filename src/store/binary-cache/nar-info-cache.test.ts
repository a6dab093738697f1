import assert from 'node:assert/strict';
import { readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { type Reporter, byteStringFromText, silentReporter } from '../../base/index.ts';
import { type NarInfo, defaultStoreDir, hashBytes, parseStorePath } from '../../nix-compat/index.ts';
import { recordReports, temporaryFolder } from '../../testing/index.ts';
import type { TimesToLive } from './cache-memory.ts';
import { NarInfoCache } from './nar-info-cache.ts';

const text = byteStringFromText;
const hashPart = '0'.repeat(32);
const info: NarInfo = {
  path: parseStorePath(`${hashPart}-x`),
  url: text('nar/x.nar.xz'),
  compression: text('xz'),
  fileHash: hashBytes('sha256', Buffer.from('file')),
  fileSize: 7,
  narHash: hashBytes('sha256', Buffer.from('nar')),
  narSize: 9,
  references: [parseStorePath(`${'1'.repeat(32)}-y`)],
  deriver: undefined,
  signatures: [],
  contentAddress: undefined,
};
const id = { derivationHash: hashBytes('sha256', Buffer.from('drv')), output: text('out') };
const output = { path: info.path, signatures: [] };
const times: TimesToLive = { positive: 1000, negative: 100, traits: 500 };

interface Clock {
  now: number;
}

function open(folder: string, clock: Clock, uri = 'https://a', reporter: Reporter = silentReporter): NarInfoCache {
  return new NarInfoCache(folder, {
    uri,
    storeDir: defaultStoreDir,
    timesToLive: times,
    reporter,
    now: () => clock.now,
  });
}

describe('the memory of what binary caches said', () => {
  test('outlives a process, for as long as it may', () => {
    using folder = temporaryFolder();
    const clock = { now: 10_000 };
    {
      using cache = open(folder.path, clock);
      assert.equal(cache.narInfo(hashPart), undefined);
      assert.equal(cache.traits(), undefined);
      cache.rememberTraits({ priority: 40, wantMassQuery: true });
      cache.rememberNarInfo(hashPart, { value: info });
      assert.deepEqual(cache.narInfo(hashPart), { value: info });
      cache.rememberNarInfo('absent', { value: undefined });
      cache.rememberRealisation(id, { value: output });
    }
    using cache = open(folder.path, clock);
    assert.deepEqual(cache.traits(), { priority: 40, wantMassQuery: true });
    assert.deepEqual(cache.narInfo(hashPart), { value: info });
    assert.deepEqual(cache.narInfo('absent'), { value: undefined });
    assert.deepEqual(cache.realisation(id), { value: output });
    clock.now += 100;
    assert.equal(cache.narInfo('absent'), undefined);
    assert.deepEqual(cache.narInfo(hashPart), { value: info });
    clock.now += 400;
    assert.equal(cache.traits(), undefined);
    clock.now += 500;
    assert.equal(cache.narInfo(hashPart), undefined);
    assert.equal(cache.realisation(id), undefined);
    clock.now = 9_999;
    assert.equal(cache.narInfo(hashPart), undefined);
  });

  test('tells caches and store directories apart', () => {
    using folder = temporaryFolder();
    const clock = { now: 10_000 };
    using one = open(folder.path, clock);
    using two = open(folder.path, clock, 'https://b');
    one.rememberNarInfo(hashPart, { value: info });
    assert.equal(two.narInfo(hashPart), undefined);
  });

  test('is made anew, with a warning, where it is damaged', () => {
    using folder = temporaryFolder();
    const clock = { now: 10_000 };
    {
      using cache = open(folder.path, clock);
      cache.rememberNarInfo(hashPart, { value: info });
    }
    const name = readdirSync(folder.path).find(file => file.endsWith('.sqlite')) ?? '';
    assert.equal(name, 'binary-cache-v1.sqlite');
    writeFileSync(join(folder.path, name), 'no database at all '.repeat(1000));
    const { reporter, reports } = recordReports();
    using cache = open(folder.path, clock, 'https://a', reporter);
    assert.match(JSON.stringify(reports), /cannot be used and is made anew/);
    assert.equal(cache.narInfo(hashPart), undefined);
    cache.rememberNarInfo(hashPart, { value: info });
    assert.deepEqual(cache.narInfo(hashPart), { value: info });
  });

  test('does without a folder that cannot be made', () => {
    using folder = temporaryFolder();
    writeFileSync(join(folder.path, 'file'), '');
    using cache = open(join(folder.path, 'file/cache'), { now: 1 });
    cache.rememberNarInfo(hashPart, { value: info });
    assert.equal(cache.narInfo(hashPart), undefined);
  });

  test('deletes what is too old once a day', () => {
    using folder = temporaryFolder();
    const clock = { now: 10_000 };
    {
      using cache = open(folder.path, clock);
      cache.rememberNarInfo('absent', { value: undefined });
    }
    clock.now += 25 * 3600;
    {
      using _cache = open(folder.path, clock);
    }
    clock.now = 10_050;
    using cache = open(folder.path, clock);
    assert.equal(cache.narInfo('absent'), undefined);
  });
});
