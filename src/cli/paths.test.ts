import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { byteStringFromLatin1, byteStringFromText } from '../base/index.ts';
import { absolutePath, fsPathOf, pathFromRoot, quotePath } from './paths.ts';

describe('paths', () => {
  test('are made absolute and canonical by their names alone', () => {
    const absolute = (text: string) => absolutePath(byteStringFromText(text));
    assert.equal(absolute('/a/./b//../c/'), '/a/c');
    assert.equal(absolute('/../..'), '/');
    assert.equal(absolute('x'), `${process.cwd()}/x`);
    assert.equal(absolute(''), process.cwd());
    assert.equal(pathFromRoot(byteStringFromText('a/../b')), '/b');
  });

  test('stay bytes where they are no text', () => {
    assert.equal(fsPathOf(byteStringFromText('é')), 'é');
    assert.deepEqual(fsPathOf(byteStringFromLatin1('\xff')), Buffer.from([0xff]));
    // Where the text is written, the byte is what it was.
    assert.equal(quotePath(byteStringFromLatin1('a\xff')), '"a\udcff"');
  });
});
