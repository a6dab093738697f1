import assert from 'node:assert/strict';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { byteStringFromText, displayBytes } from '../../base/index.ts';
import { temporaryFolder } from '../../testing/index.ts';
import { readNixScript, splitScriptWords } from './nix-script.ts';

const wordsOf = (text: string) => splitScriptWords(text).map(displayBytes);

describe('scripts with arguments of nix', () => {
  test('have them in comments that follow the first line', () => {
    using folder = temporaryFolder();
    const script = join(folder.path, 'script');
    const lines = [
      '#! /usr/bin/env nix',
      '# a comment',
      '-- another',
      '#! nix shell a#b  ',
      '#!nix: --command bash',
      '#! nixes are others',
      '#! nix',
      '',
      '#! nix too late',
    ];
    writeFileSync(script, lines.join('\n'));
    const found = readNixScript([script, 'x', 'y z'].map(byteStringFromText));
    assert.deepEqual(found?.args.map(displayBytes), ['shell', 'a#b', '--command', 'bash', script, 'x', 'y z']);
    assert.equal(displayBytes(found.folder), folder.path);
  });

  test('are files that begin so', () => {
    using folder = temporaryFolder();
    const at = (name: string) => join(folder.path, name);
    writeFileSync(at('other'), '# no script');
    writeFileSync(at('short'), '#');
    mkdirSync(at('folder'));
    for (const name of ['other', 'short', 'folder', 'none', 'none/below', 'other/below']) {
      assert.equal(readNixScript([byteStringFromText(at(name))]), undefined);
    }
    assert.equal(readNixScript([]), undefined);
  });

  // The words are those that C++ Nix 2.34.8 finds.
  const words: readonly (readonly [text: string, words: readonly string[]])[] = [
    [' a  b\tc\n d', ['a', 'b', 'c', 'd']],
    ['`` a b ``', [' a b']],
    ['``a\nb`` c', ['a\nb', 'c']],
    ['``a``b', ['a', 'b']],
    ['``a`b```c``', ['a`b``c']],
    ['````', ['']],
    ['a#b', ['a#b']],
    ['', []],
  ];
  for (const [text, expected] of words) {
    test(`${JSON.stringify(text)} is ${expected.length} words`, () => assert.deepEqual(wordsOf(text), expected));
  }

  test('refuse what may mean something one day', () => {
    assert.throws(() => wordsOf('a * b'), {
      message: 'unsupported unquoted character in nix shebang: *. Use double backticks to escape?',
    });
    assert.throws(() => wordsOf('a `b`'), { message: 'single backtick is not a supported syntax in the nix shebang.' });
    assert.throws(() => wordsOf('a #b'), /argument cannot start with #/);
    assert.throws(() => wordsOf('``a'), { message: 'unterminated quoted string in nix shebang' });
  });
});
