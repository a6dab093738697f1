import assert from 'node:assert/strict';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import * as fc from 'fast-check';
import { byteStringFromText, byteStringOf } from '../../base/index.ts';
import { TreeRestorer, removeTree } from '../../castore/index.ts';
import { NarWriter, storePathHashPart } from '../../nix-compat/index.ts';
import { NarHasher } from '../../store/index.ts';
import { type TestTree, playTree, temporaryFolder, testPath, testTrees } from '../../testing/index.ts';
import { readOutput } from './read-output.ts';

const [from, to, other] = ['from', 'to', 'other'].map(name => storePathHashPart(testPath(name)));
const signal = new AbortController().signal;

/** The tree with `text` in it, wherever its first leaf has room for it. */
function withMention(tree: TestTree, text: string): TestTree {
  switch (tree.type) {
    case 'file':
      return { ...tree, contents: byteStringFromText(`${tree.contents}${text}`) };
    case 'symlink':
      return { ...tree, target: byteStringFromText(`${tree.target}/${text}`) };
    case 'directory': {
      const [first, ...rest] = tree.entries;
      if (first === undefined)
        return { ...tree, entries: [[byteStringFromText(text), { type: 'directory', entries: [] }]] };
      return { ...tree, entries: [[first[0], withMention(first[1], text)], ...rest] };
    }
    default:
      return tree;
  }
}

function hashOf(tree: TestTree, hashPart?: string) {
  const hasher = new NarHasher('sha256', hashPart);
  playTree(tree, hasher.sink);
  return { hash: hasher.finish(), size: hasher.size };
}

function narTextOf(tree: TestTree): string {
  let text = '';
  playTree(tree, new NarWriter(chunk => (text += byteStringOf(chunk))));
  return text;
}

describe('reading an output', () => {
  test('finds, rewrites and hashes what the NAR has, in contents, names and targets', async () => {
    assert.ok(from !== undefined && to !== undefined && other !== undefined);
    await fc.assert(
      fc.asyncProperty(testTrees, fc.boolean(), async (plain, mentions) => {
        using folder = temporaryFolder();
        const at = join(folder.path, 'out');
        const tree = mentions ? withMention(plain, from) : plain;
        {
          using restorer = new TreeRestorer(at);
          playTree(tree, restorer);
        }
        const isFound = narTextOf(tree).includes(from);
        const address = { method: 'nar', algorithm: 'sha256', hashPart: from } as const;
        const first = await readOutput(at, { signal, scanFor: [from, other], address, sparesNarHash: true });
        assert.deepEqual([...first.found], isFound ? [from] : []);
        assert.deepEqual(first.contentHash, hashOf(tree, from).hash);
        assert.deepEqual(first.narHash, isFound ? undefined : hashOf(tree).hash);
        assert.equal(first.narSize, hashOf(tree).size);
        const rewritten = await readOutput(at, { signal, scanFor: [from], rewrites: new Map([[from, to]]) });
        const expected = hashOf(mentions ? withMention(plain, to) : plain);
        assert.deepEqual(rewritten.narHash, expected.hash);
        assert.deepEqual(rewritten.found, first.found);
        removeTree(at);
      }),
      { numRuns: 30 },
    );
  });
});
