import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import * as fc from 'fast-check';
import { byteStringFromText, byteStringOf } from '../../base/index.ts';
import { readDerivationVector, storePaths } from '../../testing/index.ts';
import {
  NixCompatError,
  type NixCompatErrorCode,
  type Registration,
  closureToJson,
  defaultStoreDir,
  formatJson,
  formatRegistrations,
  hashBytes,
  parseContentAddress,
  parseRegistrations,
  parseStorePath,
  structuredAttrsToShell,
  JsonCursor,
  parseJson,
} from '../index.ts';

const text = byteStringFromText;
const a = '00000000000000000000000000000000-a';
const b = '11111111111111111111111111111111-b';
const sha256 = '0'.repeat(64);

const registrations: fc.Arbitrary<Registration[]> = fc
  .uniqueArray(
    fc.record(
      {
        path: storePaths,
        nar: fc.record(
          {
            hash: fc.uint8Array({ minLength: 32, maxLength: 32 }).map(digest => ({
              algorithm: 'sha256' as const,
              digest: Buffer.from(digest),
            })),
            size: fc.maxSafeNat(),
          },
          { noNullPrototype: true },
        ),
        deriver: fc.option(storePaths, { nil: undefined }),
        references: fc.uniqueArray(storePaths, { maxLength: 4 }).map(list => list.toSorted()),
      },
      { noNullPrototype: true },
    ),
    { selector: ({ path }) => path, maxLength: 5 },
  )
  .map(list => list.toSorted((x, y) => (x.path < y.path ? -1 : 1)));

const refused: readonly (readonly [text: string, code: NixCompatErrorCode, offset: number, why: string])[] = [
  ['\n', 'path/not-absolute', 0, 'an empty path'],
  [`/etc/passwd\n\n0\n`, 'store-path/not-in-store', 0, 'a path outside the store'],
  [`/nix/store/${a}\n`, 'registration/syntax', 46, 'nothing after the path'],
  [`/nix/store/${a}\n\n`, 'registration/syntax', 47, 'no count'],
  [`/nix/store/${a}\n\nx\n`, 'registration/syntax', 47, 'a count that is no number'],
  [`/nix/store/${a}\n\n-1\n`, 'registration/syntax', 47, 'a negative count'],
  [`/nix/store/${a}\n\n99999999999999999999\n`, 'registration/syntax', 47, 'a count beyond all numbers'],
  [`/nix/store/${a}\n\n9007199254740991\n`, 'registration/syntax', 64, 'fewer references than announced'],
  [`/nix/store/${a}\n\n1\n/nix/store/${b}`, 'registration/syntax', 94, 'a last line that does not end'],
  [`/nix/store/${a}\nx\n0\n`, 'path/not-absolute', 46, 'a deriver that is no path'],
];

describe('registrations', () => {
  test('are what `nix-store --dump-db` writes', () => {
    const dump = readDerivationVector('registrations.txt');
    const parsed = parseRegistrations(defaultStoreDir, dump, { withHashes: true });
    assert.equal(parsed.length, 50);
    assert.equal(formatRegistrations(defaultStoreDir, parsed.toReversed()), dump);
  });

  test('without hashes are what a builder gets of exportReferencesGraph', () => {
    const graph = readDerivationVector('graph.txt');
    const parsed = parseRegistrations(defaultStoreDir, graph, { withHashes: false });
    assert.deepEqual(
      parsed.map(({ references }) => references.length),
      [0, 0, 2],
    );
    assert.equal(formatRegistrations(defaultStoreDir, parsed), graph);
  });

  for (const [input, code, offset, why] of refused) {
    test(`refuse ${why}`, () => {
      assert.throws(() => parseRegistrations(defaultStoreDir, text(input), { withHashes: false }), {
        name: 'NixCompatError',
        code,
        offset,
      });
    });
  }

  test('refuse a hash or a size that is none', () => {
    const parse = (lines: string) => () =>
      parseRegistrations(defaultStoreDir, text(`/nix/store/${a}\n${lines}\n\n0\n`), { withHashes: true });
    assert.throws(parse('00\n1'), { code: 'hash/bad-length', offset: 46 });
    assert.throws(parse(`${sha256}\n1.5`), { code: 'registration/syntax', offset: 111 });
  });

  test('end at a path whose line does not end', () => {
    assert.deepEqual(parseRegistrations(defaultStoreDir, text(`/nix/store/${a}`), { withHashes: false }), []);
  });

  test('read back what they wrote', () => {
    fc.assert(
      fc.property(registrations, list => {
        const printed = formatRegistrations(defaultStoreDir, list);
        assert.deepEqual(parseRegistrations(defaultStoreDir, printed, { withHashes: true }), list);
      }),
    );
  });

  test('take or refuse any bytes', () => {
    const lines = fc.array(fc.constantFrom(`/nix/store/${a}`, '', '0', '1', sha256, 'x'), { maxLength: 12 });
    const bytes = fc.oneof(
      fc.uint8Array().map(byteStringOf),
      lines.map(list => text(list.join('\n'))),
    );
    fc.assert(
      fc.property(bytes, fc.boolean(), (input, withHashes) => {
        try {
          parseRegistrations(defaultStoreDir, input, { withHashes });
        } catch (error) {
          assert.ok(error instanceof NixCompatError, String(error));
        }
      }),
    );
  });
});

describe('what a builder gets of structured attributes', () => {
  const json = parseJson(readDerivationVector('attrs.json'));

  test('is what C++ Nix writes for bash', () => {
    assert.ok(json instanceof Map);
    assert.equal(structuredAttrsToShell(json), readDerivationVector('attrs.sh'));
  });

  test('has closures described as C++ Nix does', () => {
    const [member] = new JsonCursor(json).member('graph').elements();
    const dump = parseRegistrations(defaultStoreDir, readDerivationVector('registrations.txt'), { withHashes: true });
    const plain = dump.find(({ path }) => member?.member('path').value === `/nix/store/${path}`);
    assert.ok(member && plain?.nar);
    const described = closureToJson(defaultStoreDir, [{ ...plain, narHash: plain.nar.hash, narSize: plain.nar.size }]);
    assert.equal(formatJson(described), formatJson([member.value]));
  });

  test('has closures with the size of each closure', () => {
    const narHash = hashBytes('sha256', Buffer.alloc(0));
    const [first, second] = [parseStorePath(a), parseStorePath(b)];
    const contentAddress = parseContentAddress('fixed:r:sha256:0mdqa9w1p6cmli6976v4wi0sw9r4p5prkj7lzfd1877wk11c9c73');
    const closure = [
      { path: second, narHash, narSize: 20, references: [second, first], contentAddress },
      { path: first, narHash, narSize: 1, references: [second] },
    ];
    const cursor = new JsonCursor(closureToJson(defaultStoreDir, closure));
    assert.deepEqual(
      cursor.elements().map(entry => entry.member('closureSize').value),
      [21n, 21n],
    );
    assert.deepEqual(
      cursor.elements().map(entry => entry.optionalMember('ca')?.value),
      [undefined, 'fixed:r:sha256:0mdqa9w1p6cmli6976v4wi0sw9r4p5prkj7lzfd1877wk11c9c73'],
    );
    assert.throws(() => closureToJson(defaultStoreDir, closure.slice(0, 1)), { code: 'registration/not-closed' });
  });

  test('leaves out what bash cannot hold', () => {
    const attributes = parseJson(
      text(
        '{"a":[1,[2]],"b":{"c":{}},"d-e":1,"f":1.5,"g":2.0,"h":4294967297,"i":3e9,"j":null,"k":false,"l":[],"m":{},"n":["\'",true],"o":-0.0}',
      ),
    );
    assert.ok(attributes instanceof Map);
    assert.equal(
      structuredAttrsToShell(attributes),
      "declare g=2\ndeclare h=1\ndeclare i=-2147483648\ndeclare j=''\ndeclare k=\ndeclare -a l=()\ndeclare -A m=()\n" +
        "declare -a n=(''\\''' 1 )\ndeclare o=0\n",
    );
  });
});
