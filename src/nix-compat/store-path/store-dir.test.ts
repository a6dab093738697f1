import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { defaultStoreDir, parseStoreDir, parseStorePathIn, printStorePath, splitStorePath } from './store-dir.ts';

const base = 'g1w7hy3qg1w7hy3qg1w7hy3qg1w7hy3q-foo';

const split = (path: string) => splitStorePath(defaultStoreDir, path);

describe('store directories', () => {
  const canonical = [
    ['/nix/store', '/nix/store'],
    ['//nix/./store//', '/nix/store'],
    ['/a/../nix/x/../store/.', '/nix/store'],
    ['/../../s', '/s'],
    ['/n\u00eex', '/n\u00c3\u00aex'],
  ] as const;
  for (const [text, expected] of canonical) {
    test(`canonicalises '${text}'`, () => assert.equal(parseStoreDir(text), expected));
  }

  test('refuses what is no directory name', () => {
    assert.throws(() => parseStoreDir('nix/store'), {
      code: 'path/not-absolute',
      message: 'not an absolute path: "nix/store"',
    });
    assert.throws(() => parseStoreDir(''), { code: 'path/not-absolute' });
    assert.throws(() => parseStoreDir('/nix/../'), { code: 'store-dir/is-root' });
    assert.throws(() => parseStoreDir('/nix\0/store'), { code: 'store-dir/bad-character' });
  });

  test('prints and parses store paths', () => {
    const path = parseStorePathIn(defaultStoreDir, `/nix/store/${base}`);
    assert.equal(path, base);
    assert.equal(printStorePath(defaultStoreDir, path), `/nix/store/${base}`);
    assert.equal(parseStorePathIn(defaultStoreDir, `/nix//store/./x/../${base}/`), base);
  });

  const outside = [`/nix/store`, `/nix/store/`, `/nix/store/${base}/bin`, `/nix/storefoo/${base}`, `/nix/${base}`, '/'];
  for (const path of outside) {
    test(`'${path}' is no store path`, () => {
      assert.throws(() => parseStorePathIn(defaultStoreDir, path), { code: 'store-path/not-in-store' });
    });
  }

  test('refuses a relative path', () => {
    assert.throws(() => parseStorePathIn(defaultStoreDir, base), { code: 'path/not-absolute' });
  });

  test('splits paths below a store path', () => {
    assert.deepEqual(split(`/nix/store/${base}`), { storePath: base, rest: '' });
    assert.deepEqual(split(`/nix/store/${base}/`), { storePath: base, rest: '' });
    assert.deepEqual(split(`/nix/store/${base}/bin/../share//x`), { storePath: base, rest: '/share/x' });
    assert.throws(() => split('/nix/store'), {
      code: 'store-path/not-in-store',
      message: "path '/nix/store' is not in the Nix store",
    });
    assert.throws(() => split(`/nix/store/${base}/../../../etc`), { code: 'store-path/not-in-store' });
    assert.throws(() => split('/nix/store/.links/x'), { code: 'store-path/too-short' });
  });
});
