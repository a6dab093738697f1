import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { EvalError, formatFlakeRef, parseFlakeRef } from '../../eval/index.ts';
import { recordReports, temporaryFolder, testStoreContext } from '../../testing/index.ts';
import { Registries } from './registries.ts';
import { type RegistryEntry, indirectInput, readRegistry, withoutEntry, writeRegistry } from './registry.ts';

function entry(from: string, to: string, isExact = false): RegistryEntry {
  return { from: parseFlakeRef(from).input, to: parseFlakeRef(to), isExact };
}

interface Files {
  readonly user?: readonly RegistryEntry[];
  readonly global?: readonly RegistryEntry[];
}

function openRegistries(folder: string, { user = [], global = [] }: Files): Registries {
  const { settings } = testStoreContext();
  const { reporter } = recordReports();
  const [userFile, globalFile] = [join(folder, 'user.json'), join(folder, 'global.json')];
  writeRegistry(userFile, user);
  writeRegistry(globalFile, global);
  return new Registries({
    userFile,
    systemFile: join(folder, 'none.json'),
    global: globalFile,
    cacheFolder: folder,
    lifetime: 3600,
    download: { settings, reporter },
  });
}

describe("files of registries are C++ Nix's", () => {
  test('what is written is read again', () => {
    using folder = temporaryFolder();
    const path = join(folder.path, 'new', 'registry.json');
    const entries = [entry('a', 'github:o/r?dir=x'), entry('b/v1', 'path:/b', true)];
    writeRegistry(path, entries);
    const { reporter } = recordReports();
    const read = readRegistry(path, reporter);
    assert.deepEqual(
      read.map(({ to, isExact }) => [formatFlakeRef(to), isExact]),
      [
        ['github:o/r?dir=x', false],
        ['path:/b', true],
      ],
    );
    writeRegistry(path, withoutEntry(read, indirectInput('a')).slice(1));
    assert.equal(readFileSync(path, 'utf8'), '{\n  "flakes": null,\n  "version": 2\n}');
  });

  test('what cannot be read is warned of', () => {
    using folder = temporaryFolder();
    const path = join(folder.path, 'registry.json');
    const { reporter, reports } = recordReports();
    writeFileSync(path, '{"version": 3}');
    assert.deepEqual(readRegistry(path, reporter), []);
    writeFileSync(path, '{');
    assert.deepEqual(readRegistry(path, reporter), []);
    const texts = reports.map(report => (report.kind === 'log' ? report.text : ''));
    assert.match(texts[0] ?? '', /cannot read flake registry '.*': error: .*unsupported version .*3/);
    assert.match(texts[1] ?? '', /cannot parse flake registry '/);
  });
});

describe('names stand for', () => {
  const resolve = async (files: Files, text: string, use: 'all' | 'limited' | 'none' = 'all') => {
    using folder = temporaryFolder();
    const registries = openRegistries(folder.path, files);
    return formatFlakeRef(await registries.resolve(parseFlakeRef(text), use));
  };

  test('what the first registry says that knows them, at the commit that is asked for', async () => {
    const files = { user: [entry('a', 'b')], global: [entry('a', 'c'), entry('b', 'github:o/r?dir=x')] };
    assert.equal(await resolve(files, 'a/v2'), 'github:o/r/v2?dir=x');
    assert.equal(await resolve({ global: [entry('a/v1', 'github:o/one')] }, 'a/v1'), 'github:o/one');
  });

  test("what everybody's registry says, for inputs of flakes", async () => {
    const files = { user: [entry('a', 'path:/user')], global: [entry('a', 'path:/global')] };
    assert.equal(await resolve(files, 'a', 'limited'), 'path:/global');
    assert.equal(await resolve(files, 'a', 'none'), 'flake:a');
  });

  test('one thing exactly, where entries say so', async () => {
    const files = { user: [entry('a', 'path:/exact', true), entry('a', 'github:o/r')] };
    assert.equal(await resolve(files, 'a'), 'path:/exact');
    assert.equal(await resolve(files, 'a/v1'), 'github:o/r/v1');
  });

  test('nothing, where nobody knows them or they stand for themselves', async () => {
    const fails = (pattern: RegExp) => (error: unknown) => error instanceof EvalError && pattern.test(error.message);
    await assert.rejects(resolve({}, 'a'), fails(/cannot find flake .*flake:a/));
    await assert.rejects(resolve({ user: [entry('a', 'b'), entry('b', 'a')] }, 'a'), fails(/cycle detected/));
  });
});
