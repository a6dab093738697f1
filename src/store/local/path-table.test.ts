// Not the strict comparison everywhere: bytes may come as Uint8Array or as Buffer.
import { deepEqual as equalValues } from 'node:assert';
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { byteStringFromText } from '../../base/index.ts';
import { Database, type Node, digestOf } from '../../castore/index.ts';
import { type StorePath, hashBytes, joinStorePath, makeHash, parseStorePath } from '../../nix-compat/index.ts';
import { temporaryFolder } from '../../testing/index.ts';
import { StoreError, type StoreErrorCode } from '../error.ts';
import { PathTable, type Registration } from './path-table.ts';
import { storeSchema } from './store-schema.ts';

const code = (expected: StoreErrorCode) => (error: unknown) => error instanceof StoreError && error.code === expected;

function openTable() {
  const folder = temporaryFolder();
  const database = new Database(join(folder.path, 'db.sqlite'), [storeSchema]);
  return {
    table: new PathTable(database, () => 1234),
    [Symbol.dispose]() {
      database[Symbol.dispose]();
      folder[Symbol.dispose]();
    },
  };
}

const path = (letter: string, name = 'x'): StorePath => joinStorePath(letter.repeat(32), name);
const narHash = hashBytes('sha256', Buffer.from('nar'));
const roots: Node[] = [
  { kind: 'file', digest: digestOf(Buffer.from('file')), executable: false },
  { kind: 'file', digest: digestOf(Buffer.from('program')), executable: true },
  { kind: 'directory', digest: digestOf(Buffer.from('directory')) },
  { kind: 'symlink', target: byteStringFromText('naïve') },
];

function registration(
  of: StorePath,
  references: readonly StorePath[] = [],
  rest: Partial<Registration['info']> = {},
): Registration {
  return { info: { path: of, narHash, narSize: 5, references, signatures: [], ...rest }, root: roots[0]! };
}

describe('PathTable', () => {
  test('gives back what was registered', () => {
    using opened = openTable();
    const { table } = opened;
    const signature = { keyName: 'key-1', bytes: new Uint8Array(64).fill(7) };
    for (const [i, root] of roots.entries()) {
      const of = path('abcd'[i]!);
      const info = {
        path: of,
        narHash,
        narSize: 2 ** 40,
        references: [of],
        deriver: parseStorePath(`${'f'.repeat(32)}-x.drv`),
        registrationTime: 99,
        ultimate: i % 2 === 0,
        signatures: [signature],
        contentAddress: { method: 'nar' as const, hash: makeHash('sha1', new Uint8Array(20)) },
      };
      table.register([{ info, root }]);
      equalValues(table.find(of), { info, root });
    }
    table.register([registration(path('z'))]);
    assert.equal(table.require(path('z')).info.registrationTime, 1234);
    assert.equal(table.find(path('y')), undefined);
    assert.throws(() => table.require(path('y')), code('path/invalid'));
    assert.deepEqual(
      table.all(),
      ['a', 'b', 'c', 'd', 'z'].map(letter => path(letter)),
    );
  });

  test('registers paths that refer to each other, all of them or none', () => {
    using opened = openTable();
    const { table } = opened;
    table.register([registration(path('a'), [path('b')]), registration(path('b'), [path('b')])]);
    assert.deepEqual(table.referrers(path('b')), [path('a'), path('b')]);
    assert.throws(
      () => table.register([registration(path('c')), registration(path('d'), [path('y')])]),
      code('path/missing-reference'),
    );
    assert.deepEqual(table.all(), [path('a'), path('b')]);
    table.register([registration(path('a'))]);
    assert.deepEqual(table.referrers(path('b')), [path('b')]);
  });

  test('invalidates nothing that something else refers to', () => {
    using opened = openTable();
    const { table } = opened;
    table.register([
      registration(path('a'), [path('b')]),
      registration(path('b'), [path('b')]),
      registration(path('c')),
    ]);
    assert.throws(() => table.invalidate([path('c'), path('b')]), code('path/in-use'));
    assert.equal(table.all().length, 3);
    table.invalidate([path('b'), path('a'), path('y')]);
    assert.deepEqual(table.all(), [path('c')]);
  });

  test('finds paths by hash part, derivations by output, outputs by derivation', () => {
    using opened = openTable();
    const { table } = opened;
    const drv = path('d', 'x.drv');
    const outputs = [
      { output: 'dev', path: path('f') },
      { output: 'out', path: path('a') },
    ];
    table.register([registration(path('a')), registration(path('b', '0'))]);
    table.register([{ ...registration(drv), outputs }]);
    assert.deepEqual(table.knownOutputs(drv), outputs);
    const noted = new Map(outputs.map(({ output, path: of }) => [output, of] as const));
    assert.deepEqual(table.knownOutputsOf([drv, path('z'), drv]), new Map([[drv, noted]]));
    const some = [path('z'), drv, path('y'), drv];
    assert.deepEqual(
      [...table.validOf(some)],
      some.filter((each, at) => table.isValid(each) && some.indexOf(each) === at),
    );
    assert.deepEqual([...table.validOf([drv])], [drv]);
    assert.deepEqual([...table.validOf([])], []);
    const known = some.filter(each => table.isValid(each));
    equalValues(table.infosOf(some), new Map(known.map(each => [each, table.require(each).info])));
    equalValues(table.rootsOf(some), new Map(known.map(each => [each, table.require(each).root])));
    assert.deepEqual(table.validDerivers(path('a')), [drv]);
    assert.deepEqual(table.validDerivers(path('b', '0')), []);
    assert.equal(table.findByHashPart('b'.repeat(32)), path('b', '0'));
    assert.equal(table.findByHashPart('c'.repeat(32)), undefined);
    table.invalidate([drv]);
    assert.deepEqual(table.validDerivers(path('a')), []);
  });

  test('adds signatures to those that are there, each once, sorted', () => {
    using opened = openTable();
    const { table } = opened;
    const [one, two] = ['b-1', 'a-1'].map((keyName, i) => ({ keyName, bytes: new Uint8Array(64).fill(i) }));
    table.register([registration(path('a'), [], { signatures: [one!] })]);
    table.addSignatures(path('a'), [two!, one!]);
    equalValues(table.require(path('a')).info.signatures, [two, one]);
    assert.throws(() => table.addSignatures(path('y'), [one!]), code('path/invalid'));
  });
});
