import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { byteStringFromLatin1, bytesOf } from '../../base/index.ts';
import { NixCompatError } from '../error.ts';
import { hashBytes } from '../hash/hasher.ts';
import { PublicKey } from '../signature/key.ts';
import { type StoreDir, defaultStoreDir, parseStoreDir } from '../store-path/store-dir.ts';
import { parseStorePath } from '../store-path/store-path.ts';
import { formatNarInfo, maxNarInfoSize, parseNarInfo } from './narinfo.ts';
import { countValidSignatures, isContentAddressed } from './path-info.ts';

const otherStoreDir = parseStoreDir('/tmp/vectors/store');
const vectors: readonly (readonly [name: string, storeDir: StoreDir, signatures: number, contentAddressed: boolean])[] =
  [
    ['text', defaultStoreDir, 0, true],
    ['derivation', defaultStoreDir, 1, true],
    ['signed', defaultStoreDir, 2, true],
    ['content-addressed', otherStoreDir, 1, true],
    ['deriver', otherStoreDir, 1, false],
  ];

function vector(name: string): Buffer {
  return readFileSync(new URL(`../../../test/vectors/narinfo/${name}.narinfo`, import.meta.url));
}

const bar = 'g1w7hy3qg1w7hy3qg1w7hy3qg1w7hy3q-bar';
const hash = 'sha256:1b8m03r63zqhnjf7l5wnldhh7c134ap5vpj0850ymkq1iyzicy5s';
const minimal = `StorePath: /nix/store/${bar}\nURL: nar/x.nar\nNarHash: ${hash}\nNarSize: 1\n`;

function parse(text: string) {
  return parseNarInfo(defaultStoreDir, Buffer.from(text, 'latin1'), { source: 'x.narinfo' });
}

describe('narinfo', () => {
  for (const [name, storeDir, signatures, contentAddressed] of vectors) {
    test(`${name}: is printed as it was parsed, and verifies`, () => {
      const bytes = vector(name);
      const info = parseNarInfo(storeDir, bytes, { source: name });
      assert.equal(formatNarInfo(storeDir, info).toString(), bytes.toString());
      assert.equal(isContentAddressed(storeDir, info), contentAddressed);
      const key = PublicKey.parse('k-1:cOudDhm4cAUvT0MxwmTrpqV4CT3xR+X1aED6WC3Jf4Q=');
      const keys = new Map([
        ['k-1', key],
        ['another', key],
      ]);
      assert.equal(countValidSignatures(storeDir, info, keys), signatures);
    });
  }

  test('what changes the store path is found out', () => {
    const info = parseNarInfo(defaultStoreDir, vector('signed'), { source: 'signed' });
    assert.equal(isContentAddressed(defaultStoreDir, { ...info, references: [] }), false);
    assert.equal(isContentAddressed(defaultStoreDir, { ...info, references: [...info.references, info.path] }), false);
    assert.equal(isContentAddressed(otherStoreDir, info), false);
  });

  test('reads a minimal one with its defaults', () => {
    const info = parse(minimal);
    assert.equal(info.compression, 'bzip2');
    assert.equal(info.fileHash, undefined);
    assert.equal(info.fileSize, 0);
    assert.deepEqual(info.references, []);
    assert.equal(info.deriver, undefined);
    assert.equal(info.contentAddress, undefined);
  });

  test('reads what C++ Nix reads', () => {
    assert.equal(parse(`${minimal}Deriver: unknown-deriver\n`).deriver, undefined);
    assert.equal(parse(`${minimal}Deriver: ${bar}.drv\n`).deriver, `${bar}.drv`);
    assert.deepEqual(parse(`${minimal}References: ${bar}  ${bar}\n`).references, [bar]);
    assert.equal(parse(`${minimal}System: x86_64-linux\nX:\n:\n`).path, bar);
    assert.equal(parse(`${minimal}CA: \nCA: \n`).contentAddress, undefined);
    assert.equal(parse(`${minimal}References: \nReferences: ${bar}\n`).references.length, 1);
    assert.equal(parse(`${minimal}URL: other\nNarSize: +007\n`).url, 'other');
    assert.equal(parse(`${minimal}NarSize: 9007199254740991\n`).narSize, Number.MAX_SAFE_INTEGER);
    // The byte after a colon does not count, and fields may come in any order.
    assert.equal(parse(minimal.split('\n').toReversed().join('\n').slice(1).replaceAll(': ', ':\t') + '\n').path, bar);
  });

  const corrupt = (reason: string) => `NAR info file 'x.narinfo' is corrupt: ${reason}`;
  const without = (field: string) => minimal.replace(new RegExp(`^${field}: .*\n`, 'm'), '');
  const refused: readonly (readonly [string, string, string, number | undefined])[] = [
    ['', 'narinfo/missing-field', corrupt('StorePath missing'), undefined],
    [without('StorePath'), 'narinfo/missing-field', corrupt('StorePath missing'), undefined],
    [without('NarHash'), 'narinfo/missing-field', corrupt('NarHash missing'), undefined],
    [without('URL'), 'narinfo/missing-field', corrupt('URL missing'), undefined],
    [without('NarSize'), 'narinfo/missing-field', corrupt('NarSize missing or zero'), undefined],
    ['StorePath', 'narinfo/malformed', corrupt("expecting ':' at line 1"), 0],
    [minimal + 'x', 'narinfo/malformed', corrupt("expecting ':' at line 5"), minimal.length],
    [minimal.slice(0, -1), 'narinfo/malformed', corrupt("expecting '\\n' at line 4"), minimal.lastIndexOf(':')],
    ['NarHash: sha256:00\n', 'narinfo/bad-hash', corrupt('bad hash at line 1'), 16],
    ['FileHash: 00\n', 'narinfo/bad-hash', corrupt('bad hash at line 1'), 10],
    ['NarSize: -1\n', 'narinfo/bad-size', corrupt('invalid NarSize at line 1'), 9],
    ['NarSize: 9007199254740992\n', 'narinfo/bad-size', corrupt('invalid NarSize at line 1'), 9],
    ['FileSize: 1e3\n', 'narinfo/bad-size', corrupt('invalid FileSize at line 1'), 10],
    [`References: ${bar}\nReferences: \n`, 'narinfo/extra-field', corrupt('extra References at line 2'), 61],
    [`CA: fixed:${hash}\nCA: \n`, 'narinfo/extra-field', corrupt('extra CA at line 2'), 74],
    ['Sig: x\n', 'signature/malformed', 'signature is corrupt', 5],
    ['Deriver: x\n', 'store-path/too-short', "'x' is too short to be a valid store path", 9],
    [`References: ${bar} x\n`, 'store-path/too-short', "'x' is too short to be a valid store path", 49],
    ['StorePath: /nix/store\n', 'store-path/not-in-store', 'path "/nix/store" is not in the Nix store', 11],
    [
      'CA: x:y\n',
      'content-address/unknown-prefix',
      "content address prefix 'x' is unrecognized. Recogonized prefixes are 'text' or 'fixed'",
      4,
    ],
  ];
  for (const [text, code, message, offset] of refused) {
    test(`refuses ${JSON.stringify(text)}: ${code}`, () => {
      assert.throws(() => parse(text), { name: 'NixCompatError', code, message, offset });
    });
  }

  test('refuses what is too large before it looks at it', () => {
    assert.throws(() => parseNarInfo(defaultStoreDir, Buffer.alloc(maxNarInfoSize + 1), { source: 'x' }), {
      code: 'narinfo/too-large',
    });
    assert.throws(() => parseNarInfo(defaultStoreDir, vector('text'), { source: 'x', limit: 10 }), {
      code: 'narinfo/too-large',
    });
  });

  test('does not print what would read as another field', () => {
    const info = { ...parse(minimal), url: byteStringFromLatin1('x\nSig: y') };
    assert.throws(() => formatNarInfo(defaultStoreDir, info), { code: 'narinfo/bad-value' });
  });

  test('every info comes back', () => {
    const line = fc.string({
      unit: fc
        .integer({ min: 0, max: 255 })
        .filter(c => c !== 10)
        .map(c => String.fromCharCode(c)),
    });
    const value = line.filter(text => text !== '').map(byteStringFromLatin1);
    const name = fc.stringMatching(/^[a-z]{1,5}$/);
    const path = name.map(text => parseStorePath(`${hash.slice(7, 39)}-${text}`));
    const paths = fc.uniqueArray(path).map(list => list.toSorted());
    fc.assert(
      fc.property(
        value,
        value,
        paths,
        fc.maxSafeNat(),
        fc.option(path),
        (url, compression, references, size, deriver) => {
          const info = {
            path: parseStorePath(bar),
            url,
            compression,
            references,
            narSize: size + 1 > Number.MAX_SAFE_INTEGER ? 1 : size + 1,
            narHash: hashBytes('sha256', bytesOf(url)),
            fileHash: hashBytes('sha256', bytesOf(compression)),
            fileSize: size,
            deriver: deriver ?? undefined,
            signatures: [],
            contentAddress: undefined,
            ...(size % 2 === 0
              ? {}
              : { rootClaim: { root: url, signatures: [{ keyName: 'k', bytes: bytesOf(url) }] } }),
          };
          assert.deepEqual(parseNarInfo(defaultStoreDir, formatNarInfo(defaultStoreDir, info), { source: '' }), info);
        },
      ),
    );
  });

  test('any bytes are parsed or refused with a code', () => {
    const lines = vectors.flatMap(([name]) => vector(name).toString('latin1').split('\n'));
    const piece = fc.oneof(fc.constantFrom(...lines, '\n', ':', minimal), fc.string({ unit: 'binary', maxLength: 8 }));
    fc.assert(
      fc.property(fc.array(piece), pieces => {
        try {
          parseNarInfo(defaultStoreDir, Buffer.from(pieces.join('\n')), { source: 'x' });
        } catch (error) {
          assert.ok(error instanceof NixCompatError, String(error));
        }
      }),
      { numRuns: 500 },
    );
  });

  test('mutated bytes are parsed or refused with a code', () => {
    const original = vector('signed');
    fc.assert(
      fc.property(fc.nat(original.length - 1), fc.integer({ min: 0, max: 255 }), fc.boolean(), (at, byte, cut) => {
        const bytes = cut ? original.subarray(0, at) : Buffer.from(original);
        if (!cut) bytes[at] = byte;
        try {
          parseNarInfo(defaultStoreDir, bytes, { source: 'x' });
        } catch (error) {
          assert.ok(error instanceof NixCompatError, String(error));
        }
      }),
      { numRuns: 1000 },
    );
  });

  test('many references and signatures take linear time', () => {
    const references = Array.from({ length: 20_000 }, (_, i) => `${hash.slice(7, 39)}-n${i}`).join(' ');
    const signatures = Array.from({ length: 20_000 }, (_, i) => `Sig: k${i}:AAAA\n`).join('');
    const info = parse(`${minimal}References: ${references}\n${signatures}`);
    assert.equal(info.references.length, 20_000);
    assert.equal(info.signatures.length, 20_000);
  });
});
