import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { describe, test } from 'node:test';
import { hashBytes } from '../hash/hasher.ts';
import { parseContentAddress } from './content-address.ts';
import {
  makeFixedOutputPath,
  makeOutputPath,
  makeStorePathFromCA,
  makeTextPath,
  outputPathName,
} from './make-store-path.ts';
import { defaultStoreDir, parseStoreDir } from './store-dir.ts';
import { parseStorePath, storePathName } from './store-path.ts';

const vectors = JSON.parse(
  readFileSync(new URL('../../../test/vectors/store-path/content-addressed.json', import.meta.url), 'utf8'),
) as {
  readonly objects: readonly {
    readonly storeDir: string;
    readonly path: string;
    /** Else a text whose content is `file`. */
    readonly ca?: string;
    readonly file?: string;
    readonly references: readonly string[];
    readonly self: boolean;
  }[];
};

const dependency = parseStorePath('fk8dcgmnha5fzimiscxwaysc3h4js3xs-a');
const sha256 = hashBytes('sha256', Buffer.from('hello\n'));

describe('computing store paths', () => {
  for (const { storeDir, path, ca, file, references, self } of vectors.objects) {
    test(`${storeDir}/${path}`, () => {
      const name = storePathName(parseStorePath(path));
      const address =
        ca === undefined
          ? { method: 'text' as const, hash: hashBytes('sha256', Buffer.from(file ?? '')) }
          : parseContentAddress(ca);
      const others = references.map(parseStorePath);
      // Neither order nor repetition matters.
      for (const refs of [others, others.toReversed(), new Set(others), [...others, ...others]]) {
        assert.equal(makeStorePathFromCA(parseStoreDir(storeDir), name, address, { others: refs, self }), path);
      }
    });
  }

  test('outputs of an input-addressed derivation', () => {
    // The derivation that Nix 2.34.8 instantiated, its output paths left out, is what such paths are a hash of.
    const modulo =
      'Derive([("dev","","",""),("out","","","")],[],[],"x86_64-linux","/bin/sh",["-c","true"],' +
      '[("builder","/bin/sh"),("dev",""),("name","d-1.0"),("out",""),("outputs","out dev"),("system","x86_64-linux")])';
    const hash = hashBytes('sha256', Buffer.from(modulo));
    const make = (output: string) => makeOutputPath(defaultStoreDir, output, hash, 'd-1.0');
    assert.equal(make('out'), 'c9zskcrv3radisg1dwq6waf1bw4igna2-d-1.0');
    assert.equal(make('dev'), 'm0q0q4a3mmg91x4zzir6bhaxvrjyk3kq-d-1.0-dev');
    assert.equal(outputPathName('d', 'lib'), 'd-lib');
  });

  test('refuses references that the path cannot carry', () => {
    const make = (method: 'flat' | 'git', self: boolean) =>
      makeFixedOutputPath(defaultStoreDir, 'x', {
        method,
        hash: sha256,
        references: { others: self ? [] : [dependency], self },
      });
    for (const method of ['flat', 'git'] as const) {
      for (const self of [false, true]) {
        assert.throws(() => make(method, self), {
          code: 'content-address/not-allowed-references',
          message:
            "fixed output derivation 'x' is not allowed to refer to other store paths.\n" +
            "You may need to use the 'unsafeDiscardReferences' derivation attribute, see the manual for more details.",
        });
      }
    }
    const text = { method: 'text', hash: sha256 } as const;
    assert.throws(() => makeStorePathFromCA(defaultStoreDir, 'x', text, { others: [], self: true }), {
      code: 'content-address/not-allowed-references',
      message: 'self-reference not allowed with text hashing',
    });
  });

  test('refuses algorithms that the method does not take', () => {
    const md5 = hashBytes('md5', Buffer.from(''));
    assert.throws(() => makeFixedOutputPath(defaultStoreDir, 'x', { method: 'git', hash: md5 }), {
      code: 'content-address/not-allowed-algorithm',
      message: 'Git file ingestion must use SHA-1 or SHA-256 hash, but instead using: md5',
    });
    assert.throws(() => makeTextPath(defaultStoreDir, 'x', { hash: md5, references: [] }), {
      code: 'content-address/not-allowed-algorithm',
    });
  });

  test('refuses a bad name', () => {
    assert.throws(() => makeFixedOutputPath(defaultStoreDir, 'a b', { method: 'flat', hash: sha256 }), {
      code: 'store-path/bad-name',
    });
  });
});
