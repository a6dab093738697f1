import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import * as fc from 'fast-check';
import { byteStringFromLatin1, byteStringFromText, ignoreTree } from '../../base/index.ts';
import { fileNames, readVectors } from '../../testing/index.ts';
import { applyCaseHack, readNar, removeCaseHack } from '../index.ts';

const vectors = readVectors('nar/case-hack.json') as readonly {
  readonly name: string;
  readonly why: string;
  readonly hex: string;
  readonly names?: readonly string[];
  readonly code?: string;
}[];

function hackedNames(nar: Uint8Array): string[] {
  const names: string[] = [];
  readNar(nar, applyCaseHack({ ...ignoreTree, entry: name => names.push(name) }));
  return names;
}

describe('applyCaseHack', () => {
  for (const { name, why, hex, names, code } of vectors)
    test(`${name}: ${why}`, () => {
      const nar = Buffer.from(hex, 'hex');
      if (names !== undefined) assert.deepEqual(hackedNames(nar), names.map(byteStringFromText));
      else assert.throws(() => hackedNames(nar), { name: 'NixCompatError', code });
    });

  test('names the two that collide', () => {
    const hidden = vectors.find(vector => vector.name === 'hacked name exists');
    assert.throws(() => hackedNames(Buffer.from(hidden?.hex ?? '', 'hex')), {
      message:
        "bad archive: NAR contains file name 'test' that collides with case-hacked file name 'Test~nix~case~hack~1'",
    });
  });
});

const names = (...texts: string[]) => texts.map(byteStringFromLatin1);

describe('removeCaseHack', () => {
  test('removes suffixes and sorts', () => {
    assert.deepEqual(removeCaseHack(names('foo~nix~case~hack~2', 'Foo~nix~case~hack~1', 'FOO', 'Foo2'), '/d'), [
      { name: 'FOO', onDisk: 'FOO' },
      { name: 'Foo', onDisk: 'Foo~nix~case~hack~1' },
      { name: 'Foo2', onDisk: 'Foo2' },
      { name: 'foo', onDisk: 'foo~nix~case~hack~2' },
    ]);
  });

  test('refuses what becomes equal', () => {
    assert.throws(() => removeCaseHack(names('a', 'a~nix~case~hack~1'), '/d'), {
      code: 'nar/case-hack-collision',
      message: "file name collision between '/d/a' and '/d/a~nix~case~hack~1'",
    });
  });

  test('undoes applyCaseHack', () => {
    fc.assert(
      fc.property(fc.uniqueArray(fileNames, { maxLength: 30 }), unsorted => {
        const sorted = unsorted.toSorted((a, b) => (a < b ? -1 : 1));
        const onDisk: string[] = [];
        const sink = applyCaseHack({ ...ignoreTree, entry: name => onDisk.push(name) });
        sink.startDirectory();
        for (const name of sorted) sink.entry(name);
        assert.equal(
          new Set(onDisk.map(name => name.replaceAll(/[A-Z]/g, letter => letter.toLowerCase()))).size,
          sorted.length,
        );
        assert.deepEqual(
          removeCaseHack(onDisk.map(byteStringFromLatin1), '/d').map(({ name }) => name),
          sorted,
        );
      }),
    );
  });
});
