import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { EvalError } from '../eval-error.ts';
import {
  canonicalFlakeRef,
  equalFlakeRefs,
  flakeRefFromAttributes,
  flakeRefToAttributes,
  formatFlakeRef,
  parseFlakeRef,
  parseFlakeUrl,
} from './flake-ref.ts';
import { inputAtCommit, isLockedInput, matchesInput, relativePathOf } from './input.ts';

const rev = '0123456789abcdef0123456789abcdef01234567';

/** What is typed, and what that is as attributes and as a URL. */
const references: readonly (readonly [string, Readonly<Record<string, string | boolean | bigint>>, string?])[] = [
  ['nixpkgs', { type: 'indirect', id: 'nixpkgs' }, 'flake:nixpkgs'],
  ['nixpkgs/v1', { type: 'indirect', id: 'nixpkgs', ref: 'v1' }, 'flake:nixpkgs/v1'],
  [`flake:nixpkgs/v1/${rev}`, { type: 'indirect', id: 'nixpkgs', ref: 'v1', rev }],
  ['github:o/r', { type: 'github', owner: 'o', repo: 'r' }],
  ['github:o/r/v1?dir=sub', { type: 'github', owner: 'o', repo: 'r', ref: 'v1', dir: 'sub' }],
  [`gitlab:o/r/${rev}?host=h.org`, { type: 'gitlab', owner: 'o', repo: 'r', rev, host: 'h.org' }],
  ['sourcehut:~o/r', { type: 'sourcehut', owner: '~o', repo: 'r' }],
  ['path:/a/b%20c', { type: 'path', path: '/a/b c' }],
  ['path:./a', { type: 'path', path: './a' }],
  ['/a/b?dir=c', { type: 'path', path: '/a/b', dir: 'c' }, 'path:/a/b?dir=c'],
  [
    `git+file:///a?dir=b&ref=main&rev=${rev}&shallow=1`,
    { type: 'git', url: 'file:///a', ref: 'main', rev, shallow: true, dir: 'b' },
  ],
  ['git+https://h.org/a?submodules=1', { type: 'git', url: 'https://h.org/a', submodules: true }],
  ['hg+https://h.org/a', { type: 'hg', url: 'https://h.org/a' }],
  ['https://h.org/a.tar.gz', { type: 'tarball', url: 'https://h.org/a.tar.gz' }],
  ['file+https://h.org/a', { type: 'file', url: 'https://h.org/a' }, 'https://h.org/a'],
];

describe('references of flakes', () => {
  for (const [text, attributes, url = text] of references) {
    test(`${text} is read, and written again`, () => {
      const flake = parseFlakeRef(text);
      assert.deepEqual(Object.fromEntries(flakeRefToAttributes(flake)), attributes);
      assert.equal(formatFlakeRef(flake), url);
      const again = flakeRefFromAttributes(new Map(Object.entries(attributes)));
      assert.ok(equalFlakeRefs(again, flake));
    });
  }

  test('have fragments where these mean something', () => {
    assert.equal(parseFlakeUrl('nixpkgs#a.b')?.fragment, 'a.b');
    assert.equal(parseFlakeUrl('git+file:///a#x%20y')?.fragment, 'x y');
    assert.throws(() => parseFlakeRef('nixpkgs#a'), /unexpected fragment/);
  });

  for (const text of ['./a', `github:o/r/v1?rev=${rev}`, 'a+b://c']) {
    test(`${text} is none`, () => {
      assert.throws(
        () => parseFlakeRef(text),
        (error: unknown) => error instanceof EvalError && error.code === 'eval/error',
      );
    });
  }

  test('are relative where that is asked for', () => {
    assert.equal(relativePathOf(parseFlakeRef('./a', { keepsRelative: true }).input), './a');
    assert.equal(relativePathOf(parseFlakeRef('/a').input), undefined);
  });

  test('are archives where a tree is wanted, or their name says so', () => {
    const typeOf = (text: string, wantsTree: boolean) =>
      parseFlakeRef(text, { wantsTree }).input.attributes.get('type');
    assert.equal(typeOf('https://h.org/a', true), 'tarball');
    assert.equal(typeOf('https://h.org/a', false), 'file');
    assert.equal(typeOf('https://h.org/a.tar.xz', false), 'tarball');
  });

  test('of old lock files are those of new ones', () => {
    const old = flakeRefFromAttributes(
      new Map([
        ['type', 'git'],
        ['url', 'https://h.org/a?dir=b'],
        ['dir', 'b'],
      ]),
    );
    assert.ok(equalFlakeRefs(canonicalFlakeRef(old), parseFlakeRef('git+https://h.org/a?dir=b')));
  });
});

test('inputs are locked by what names their contents', () => {
  const isLocked = (text: string) => isLockedInput(parseFlakeRef(text).input);
  const narHash = 'narHash=sha256-47DEQpj8HBSa%2B/TImW%2B5JCeuQeRkm5NMpJWZG3hSuFU%3D';
  for (const text of [`git+file:///a?rev=${rev}`, `github:o/r/${rev}`, `path:/a?${narHash}`]) {
    assert.ok(isLocked(text), text);
  }
  for (const text of ['git+file:///a', `git+file:///a?rev=${'0'.repeat(40)}`, 'github:o/r/v1', 'path:/a', 'a']) {
    assert.ok(!isLocked(text), text);
  }
});

test('inputs are taken at a commit, if they have such', () => {
  const at = (text: string, commit: { ref?: string; rev?: string }) => {
    const { input } = parseFlakeRef(text);
    return formatFlakeRef({ input: inputAtCommit(input, commit), folder: '' });
  };
  assert.equal(at('github:o/r/v1', { rev }), `github:o/r/${rev}`);
  assert.equal(at('a', { ref: 'v1', rev }), `flake:a/v1/${rev}`);
  assert.throws(() => at('git+file:///a', { rev }), /has a commit hash but no branch\/tag name/);
  assert.throws(() => at('path:/a', { ref: 'x' }), /don't know how to set branch\/tag name/);
  assert.ok(matchesInput(parseFlakeRef('a').input, parseFlakeRef('a/v1').input));
  assert.ok(!matchesInput(parseFlakeRef('a/v1').input, parseFlakeRef('a').input));
});
