import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { EvalError, parseFlakeRef } from '../../eval/index.ts';
import { type LockNode, formatLockFile, parseLockFile } from './lock-file.ts';
import { checkFollows, diffLocks, findInput, findUnlocked } from './lock-graph.ts';

const rev = '0123456789abcdef0123456789abcdef01234567';

/** As C++ Nix writes them, without the line feed at the end. */
const lockFile = `{
  "nodes": {
    "a": {
      "locked": {
        "lastModified": 1,
        "rev": "${rev}",
        "type": "git",
        "url": "file:///a"
      },
      "original": {
        "type": "git",
        "url": "file:///a"
      }
    },
    "a_2": {
      "flake": false,
      "locked": {
        "path": "./x",
        "type": "path"
      },
      "original": {
        "path": "./x",
        "type": "path"
      },
      "parent": []
    },
    "b": {
      "inputs": {
        "a": "a_2",
        "c": [
          "a"
        ]
      },
      "locked": {
        "dir": "sub",
        "owner": "o",
        "repo": "r",
        "rev": "${rev}",
        "type": "github"
      },
      "original": {
        "id": "b",
        "type": "indirect"
      }
    },
    "root": {
      "inputs": {
        "a": "a",
        "b": "b"
      }
    }
  },
  "root": "root",
  "version": 7
}`;

function parse(text: string): LockNode {
  return parseLockFile(Buffer.from(text), { path: 'flake.lock', warn: message => assert.fail(message) });
}

describe('lock files', () => {
  test('are written as they were read', () => {
    assert.equal(formatLockFile(parse(lockFile)).text, lockFile);
  });

  test('have a name for each node, of the input that comes to it first', () => {
    const root = parse(lockFile);
    const { names } = formatLockFile(root);
    const named = (path: string[]) => names.get(findInput(root, path) ?? root);
    assert.deepEqual(
      [[], ['a'], ['b'], ['b', 'a'], ['b', 'c']].map(path => named(path)),
      ['root', 'a', 'b', 'a_2', 'a'],
    );
  });

  for (const [what, text, message] of [
    ['no JSON', '{', /Could not parse '.*flake\.lock.*'/],
    ['an unknown version', '{"version":8}', /unsupported version .*8/],
    [
      'a node that is not there',
      '{"version":7,"root":"r","nodes":{"r":{"inputs":{"a":"a"}}}}',
      /references missing node '.*a/,
    ],
    [
      'a node that is not locked',
      '{"version":7,"root":"r","nodes":{"r":{"inputs":{"a":"a"}},"a":{"locked":{"type":"indirect","id":"a"},"original":{"type":"indirect","id":"a"}}}}',
      /contains unlocked input/,
    ],
    [
      'the root for an input',
      `{"version":7,"root":"r","nodes":{"r":{"inputs":{"a":"r"}}}}`,
      /contains cycle to root node/,
    ],
  ] as const) {
    test(`with ${what} are refused`, () => {
      assert.throws(
        () => parse(text),
        (error: unknown) => error instanceof EvalError && message.test(error.message),
      );
    });
  }

  test('of version 5 have some attributes apart', () => {
    const text =
      '{"version":5,"root":"r","nodes":{"r":{"inputs":{"a":"a"}},"a":{"info":{"lastModified":1},' +
      `"locked":{"type":"git","url":"file:///a","rev":"${rev}"},"original":{"type":"git","url":"file:///a"}}}}`;
    assert.match(formatLockFile(parse(text)).text, /"locked": \{\n +"lastModified": 1,/);
  });
});

describe('inputs', () => {
  const follows = (text: string) => parse(lockFile.replace(/"c": \[\s+"a"\s+\]/, `"c": ${text}`));

  test('may be the same as others', () => {
    assert.doesNotThrow(() => checkFollows(parse(lockFile)));
    assert.throws(() => checkFollows(follows('["z"]')), /input '.*b\/c.*' follows a non-existent input '.*z/);
    assert.throws(() => checkFollows(follows('["b", "c"]')), /follow cycle detected: \[.*b\/c -> b\/c/);
  });

  test('are locked, or the file is not written', () => {
    assert.equal(findUnlocked(parse(lockFile), false), undefined);
    const root = parse(lockFile);
    const node = findInput(root, ['a']);
    assert.ok(node !== undefined);
    Object.assign(node, { locked: parseFlakeRef('path:/a') });
    assert.notEqual(findUnlocked(root, true), undefined);
  });

  test('that changed are listed', () => {
    const withoutEscapes = (text: string) => text.replaceAll(/\u001B\[[0-9;]*m/g, '');
    const before = parse(lockFile);
    const after = parse(lockFile.replace('"lastModified": 1', '"lastModified": 100000').replace(/"a": "a_2",/, ''));
    after.inputs.set('z', { kind: 'follows', path: ['a'] });
    assert.equal(
      withoutEscapes(diffLocks(before, after)),
      `• Updated input 'a':
    'git+file:///a?rev=${rev}' (1970-01-01)
  → 'git+file:///a?rev=${rev}' (1970-01-02)
• Removed input 'b/a'
• Added input 'z':
    follows 'a'
`,
    );
  });
});
