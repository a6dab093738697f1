import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { parsePrefixedHash } from '../hash/hash-format.ts';
import { defaultStoreDir, parseStoreDir } from '../store-path/store-dir.ts';
import { parseStorePath } from '../store-path/store-path.ts';
import { fingerprintPathInfo } from './fingerprint.ts';

const info = {
  path: parseStorePath('xv1vp1qfymcgwzd321pnjplx7c53hdch-top'),
  narHash: parsePrefixedHash('sha256:13kk499p130b5yshwv7mca96k5k4hid8yn8vzydi83m55n0k22xv'),
  narSize: 208,
  references: ['l9ydx6q80smqqjbcs5rhz37280a44fr5-two', '708i50a9fdr1znjw293sp58v6vghqhch-one'].map(parseStorePath),
};

describe('fingerprint', () => {
  test('has the references in their order, each once', () => {
    const text =
      '1;/nix/store/xv1vp1qfymcgwzd321pnjplx7c53hdch-top;' +
      'sha256:13kk499p130b5yshwv7mca96k5k4hid8yn8vzydi83m55n0k22xv;208;' +
      '/nix/store/708i50a9fdr1znjw293sp58v6vghqhch-one,/nix/store/l9ydx6q80smqqjbcs5rhz37280a44fr5-two';
    assert.equal(fingerprintPathInfo(defaultStoreDir, info), text);
    const twice = [...info.references, ...info.references.toReversed()];
    assert.equal(fingerprintPathInfo(defaultStoreDir, { ...info, references: twice }), text);
    assert.equal(
      fingerprintPathInfo(parseStoreDir('/s'), { ...info, references: [] }),
      '1;/s/xv1vp1qfymcgwzd321pnjplx7c53hdch-top;sha256:13kk499p130b5yshwv7mca96k5k4hid8yn8vzydi83m55n0k22xv;208;',
    );
  });

  test('needs the size', () => {
    assert.throws(() => fingerprintPathInfo(defaultStoreDir, { ...info, narSize: 0 }), {
      code: 'signature/unknown-size',
      message: `cannot calculate fingerprint of path '/nix/store/${info.path}' because its size is not known`,
    });
  });
});
