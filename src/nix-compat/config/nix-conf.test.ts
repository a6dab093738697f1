import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { NixCompatError } from '../error.ts';
import { maxConfigSize, parseNixConf } from './nix-conf.ts';

/** Assignments as `name=value@line`, files by path. */
function parse(text: string, files: Readonly<Record<string, string>> = {}): string[] {
  const assignments = parseNixConf(text, '/etc/nix/nix.conf', path => files[path]);
  return assignments.map(({ name, value, origin }) => `${name}=${value}@${origin.source}:${origin.line}`);
}

describe('nix.conf', () => {
  const at = '@/etc/nix/nix.conf';

  test('assignments, comments and white space', () => {
    assert.deepEqual(parse(''), []);
    assert.deepEqual(parse('# comment\n\n \t\r\n'), []);
    assert.deepEqual(parse('  cores\t=\t3   # x\r\n'), [`cores=3${at}:1`]);
    assert.deepEqual(parse('a = b   c\td#e\nf ='), [`a=b c d${at}:1`, `f=${at}:2`]);
    assert.deepEqual(parse('a = = b\na = 2'), [`a== b${at}:1`, `a=2${at}:2`]);
  });

  test('inclusions', () => {
    const files = {
      '/etc/nix/more.conf': 'b = 2\ninclude sub/x\n',
      '/etc/nix/sub/x': 'c = 3\ninclude ../more2',
      '/etc/nix/more2': 'd = 4',
      '/abs': 'e = 5',
    };
    assert.deepEqual(parse('a = 1\ninclude more.conf\n!include nothing\ninclude /abs # c\nf = 6', files), [
      `a=1${at}:1`,
      'b=2@/etc/nix/more.conf:1',
      'c=3@/etc/nix/sub/x:1',
      'd=4@/etc/nix/more2:1',
      'e=5@/abs:1',
      `f=6${at}:5`,
    ]);
    assert.equal(parse('include more2\ninclude more2', files).length, 2);
  });

  // Wording of Nix 2.34.8.
  const syntax = (line: string) => `syntax error in configuration line '${line}' in "/etc/nix/nix.conf"`;
  const refused = [
    ['a = b\nkeep-going', 'config/syntax', 6, syntax('keep-going'), 'no sign'],
    ['keep-going == true', 'config/syntax', 0, syntax('keep-going == true'), 'another sign'],
    ['cores=3', 'config/syntax', 0, syntax('cores=3'), 'no blank around the sign'],
    ['a\tb # c', 'config/syntax', 0, syntax('a\tb '), 'no sign'],
    ['include', 'config/syntax', 0, syntax('include'), 'nothing to include'],
    ['include x y', 'config/syntax', 0, syntax('include x y'), 'more than one file'],
    [
      'include nope',
      'config/include-not-found',
      undefined,
      'file "/etc/nix/nope" included from "/etc/nix/nix.conf" not found',
      'no such file',
    ],
  ] as const;
  for (const [text, code, offset, message, why] of refused) {
    test(`refuses ${JSON.stringify(text)}: ${why}`, () => {
      assert.throws(() => parse(text), { name: 'NixCompatError', code, offset, message });
    });
  }

  test('a source that is no path has no directory to include from', () => {
    assert.throws(() => parseNixConf('include x', 'NIX_CONFIG', () => ''), {
      code: 'path/not-absolute',
      message: 'not an absolute path: "x"',
    });
  });

  test('refuses inclusion without end', () => {
    assert.throws(() => parse('include a', { '/etc/nix/a': 'include b', '/etc/nix/b': 'include a' }), {
      code: 'config/include-cycle',
    });
    assert.throws(() => parse('include nix.conf', { '/etc/nix/nix.conf': '' }), { code: 'config/include-cycle' });
    // Files that each include the next twice: 2^50 inclusions.
    const files = Object.fromEntries(
      Array.from({ length: 50 }, (_, i) => [`/etc/nix/${i}`, `include ${i + 1}\n`.repeat(2)]),
    );
    assert.throws(() => parse('include 0', { ...files, '/etc/nix/50': '' }), { code: 'config/include-cycle' });
  });

  test('refuses what is too large', () => {
    assert.throws(() => parse('\n'.repeat(maxConfigSize + 1)), { code: 'config/too-large' });
  });

  test('any text is parsed or refused with a code', () => {
    const piece = fc.oneof(
      fc.constantFrom('include', '!include', '=', '#', '\n', ' ', 'a', '/etc/nix/nix.conf'),
      fc.string(),
    );
    fc.assert(
      fc.property(fc.array(piece), fc.array(piece), (text, included) => {
        try {
          parseNixConf(text.join(' '), '/etc/nix/nix.conf', () => included.join(' '));
        } catch (error) {
          assert.ok(error instanceof NixCompatError, String(error));
        }
      }),
      { numRuns: 500 },
    );
  });
});
