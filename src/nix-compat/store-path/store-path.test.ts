import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { NixCompatError } from '../error.ts';
import {
  checkStorePathName,
  compareStorePaths,
  isDerivationPath,
  joinStorePath,
  parseStorePath,
  requireDerivationPath,
  storePathHashPart,
  storePathName,
} from './store-path.ts';

const hashPart = 'g1w7hy3qg1w7hy3qg1w7hy3qg1w7hy3q';

const first = (name: string, dots: string) =>
  `name '${name}' is not valid: first dash-separated component must not be '${dots}'`;

describe('store paths', () => {
  const good = [
    '02345',
    'foo',
    'FOO',
    'foo+bar',
    'foo-dev',
    'foo_bar',
    'foo.txt',
    'foo?why',
    'foo=foo',
    '-',
    '.gitignore',
  ];
  for (const name of [...good, '...a', '...-', '...', '.a-b', '..a', 'x'.repeat(211)]) {
    test(`accepts the name ${JSON.stringify(name)}`, () => {
      const path = parseStorePath(`${hashPart}-${name}`);
      assert.equal(storePathName(path), name);
      assert.equal(storePathHashPart(path), hashPart);
      assert.equal(joinStorePath(hashPart, name), path);
    });
  }

  // Wording of Nix 2.34.8.
  const badNames = [
    ['', 'name must not be empty'],
    ['.', "name '.' is not valid"],
    ['..', "name '..' is not valid"],
    ['.-1', first('.-1', '.')],
    ['..-a', first('..-a', '..')],
    ['&*()', "name '&*()' contains illegal character '&'"],
    ['*,foo', "name '*,foo' contains illegal character '*'"],
    ['foo!o', "name 'foo!o' contains illegal character '!'"],
    ['a/b', "name 'a/b' contains illegal character '/'"],
    ['a\nb', "name 'a\nb' contains illegal character '\n'"],
    ['a\n', "name 'a\n' contains illegal character '\n'"],
    ['x'.repeat(212), `name '${'x'.repeat(212)}' must be no longer than 211 characters`],
  ] as const;

  for (const [name, complaint] of badNames) {
    test(`refuses the name ${JSON.stringify(name)}`, () => {
      assert.throws(() => checkStorePathName(name), { code: 'store-path/bad-name', message: complaint });
      const base = `${hashPart}-${name}`;
      assert.throws(() => parseStorePath(base), {
        code: 'store-path/bad-name',
        offset: 33,
        message: `path '${base}' is not a valid store path: ${complaint}`,
      });
    });
  }

  const badPaths = [
    ['', 'store-path/too-short', undefined, "'' is too short to be a valid store path"],
    [hashPart, 'store-path/too-short', undefined, `'${hashPart}' is too short to be a valid store path`],
    [
      `e${hashPart.slice(1)}-x`,
      'store-path/bad-hash-part',
      0,
      `store path 'e${hashPart.slice(1)}-x' contains illegal base-32 character 'e'`,
    ],
    [
      `${hashPart.slice(1)}--x`,
      'store-path/bad-hash-part',
      31,
      `store path '${hashPart.slice(1)}--x' contains illegal base-32 character '-'`,
    ],
    [
      `${hashPart}+x`,
      'store-path/no-dash',
      32,
      `path '${hashPart}+x' is not a valid store path: its hash part is not followed by '-'`,
    ],
  ] as const;

  for (const [base, code, offset, message] of badPaths) {
    test(`refuses '${base}'`, () => {
      assert.throws(() => parseStorePath(base), { name: 'NixCompatError', code, offset, message });
    });
  }

  test('accepts exactly what the grammar of names allows', () => {
    const grammar = /^(?!\.{1,2}(-|$))[0-9a-zA-Z+\-._?=]{1,211}$/;
    const unit = fc.oneof(
      fc.constantFrom('.', '-', 'a', 'Z', '0', '?', '=', '_', '+', ' ', '\n'),
      fc.string({ maxLength: 1 }),
    );
    fc.assert(
      fc.property(fc.string({ unit, maxLength: 6 }), name => {
        let accepted = true;
        try {
          parseStorePath(`${hashPart}-${name}`);
        } catch (error) {
          assert.ok(error instanceof NixCompatError);
          accepted = false;
        }
        assert.equal(accepted, grammar.test(name) && !name.endsWith('\n'));
      }),
      { numRuns: 1000 },
    );
  });

  test('derivations', () => {
    const drv = parseStorePath(`${hashPart}-x.drv`);
    const other = parseStorePath(`${hashPart}-x`);
    assert.equal(isDerivationPath(drv), true);
    assert.equal(isDerivationPath(other), false);
    requireDerivationPath(drv);
    assert.throws(() => requireDerivationPath(other), {
      code: 'store-path/not-derivation',
      message: `store path '${other}' is not a valid derivation path`,
    });
    assert.deepEqual([drv, other].toSorted(compareStorePaths), [other, drv]);
  });
});
