import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import * as fc from 'fast-check';
import { byteStringFromLatin1, byteStringFromText, textOf } from '../../base/index.ts';
import { type TestTree, fileNames, playTree, readVectors, testTrees } from '../../testing/index.ts';
import {
  type NarListing,
  NarLister,
  NarWriter,
  NixCompatError,
  findListed,
  formatListing,
  listingToJson,
  parseListing,
  readNar,
  shallowListingToJson,
} from '../index.ts';
import { formatJson } from '../json/format-json.ts';

const nars = readVectors('nar/accepted.json') as readonly { readonly name: string; readonly hex: string }[];

function list(play: (lister: NarLister) => void): NarListing {
  const lister = new NarLister();
  play(lister);
  assert(lister.listing !== undefined);
  return lister.listing;
}

/** For each file of the listing: its contents, cut from the NAR, must be those of the tree. */
function checkContents(listing: NarListing, tree: TestTree, nar: Buffer): void {
  switch (tree.type) {
    case 'file': {
      assert(listing.type === 'regular' && listing.narOffset !== undefined);
      const { narOffset, size } = listing;
      assert.equal(nar.toString('latin1', narOffset, narOffset + (size ?? 0)), tree.contents);
      return;
    }
    case 'symlink':
      assert.deepEqual(listing, tree);
      return;
    case 'directory':
      assert(listing.type === 'directory');
      assert.deepEqual(
        [...listing.entries.keys()],
        tree.entries.map(([name]) => name),
      );
      for (const [name, node] of tree.entries) checkContents(listing.entries.get(name)!, node, nar);
  }
}

const file = (narOffset: number): NarListing => ({ type: 'regular', executable: false, size: 1, narOffset });

describe('NarLister', () => {
  test('knows where contents are in the NAR', () => {
    fc.assert(
      fc.property(testTrees, tree => {
        const chunks: Uint8Array[] = [];
        playTree(tree, new NarWriter(chunk => chunks.push(Uint8Array.from(chunk))));
        const nar = Buffer.concat(chunks);
        const listing = list(lister => readNar(nar, lister));
        checkContents(listing, tree, nar);
        assert.deepEqual(
          listing,
          list(lister => playTree(tree, lister)),
        );
      }),
    );
  });

  test('has no listing before the root ends', () => {
    const lister = new NarLister();
    lister.startDirectory();
    assert.equal(lister.listing, undefined);
  });

  test('refuses a deep tree', () => {
    const lister = new NarLister();
    assert.throws(
      () => {
        for (;;) lister.startDirectory();
      },
      { code: 'nar/too-deep' },
    );
  });

  test('refuses a tree of too many nodes', () => {
    const lister = new NarLister(64, 3);
    lister.startDirectory();
    for (const name of ['a', 'b'].map(byteStringFromLatin1)) {
      lister.entry(name);
      lister.symlink(name);
    }
    lister.entry(byteStringFromLatin1('c'));
    assert.throws(() => lister.startFile(false, 0), { code: 'nar/too-many-nodes' });
  });
});

describe('findListed', () => {
  const [bin, run, nothing] = ['bin', 'run', 'nothing'].map(byteStringFromLatin1) as [never, never, never];
  const inner: NarListing = { type: 'directory', entries: new Map([[run, file(8)]]) };
  const root: NarListing = { type: 'directory', entries: new Map([[bin, inner]]) };

  test('finds the root, a directory, a file and nothing', () => {
    assert.equal(findListed(root, []), root);
    assert.equal(findListed(root, [bin]), inner);
    assert.deepEqual(findListed(root, [bin, run]), file(8));
    assert.equal(findListed(root, [nothing]), undefined);
    assert.equal(findListed(root, [bin, run, nothing]), undefined);
  });
});

describe('listings as JSON', () => {
  const vectors = readVectors('nar/listings.json') as readonly {
    readonly nar: string;
    readonly shallow: string;
    readonly deep: string;
  }[];
  for (const { nar, shallow, deep } of vectors)
    test(`as C++ Nix prints ${nar}`, () => {
      const bytes = Buffer.from(nars.find(({ name }) => name === nar)?.hex ?? '', 'hex');
      const listing = list(lister => readNar(bytes, lister));
      assert.equal(textOf(formatJson(shallowListingToJson(listing))), shallow);
      assert.equal(textOf(formatJson(listingToJson(listing))), deep);
      assert.equal(textOf(formatListing(listing)), `{"root":${deep},"version":1}`);
      assert.deepEqual(parseListing(formatListing(listing)), listing);
    });

  test('parse what was printed, or were refused because names are not UTF-8', () => {
    fc.assert(
      fc.property(testTrees, tree => {
        const listing = list(lister => playTree(tree, lister));
        try {
          assert.deepEqual(parseListing(formatListing(listing)), listing);
        } catch (error) {
          assert(error instanceof NixCompatError && error.code === 'json/not-utf8');
        }
      }),
    );
  });

  test('are sorted, and lack what the source does not tell', () => {
    const text =
      '{"version":1,"root":{"type":"directory","entries":{"b":{"type":"regular"},' +
      '"a":{"type":"regular","size":3,"narOffset":0,"executable":true}}}}';
    const listing = parseListing(byteStringFromText(text));
    assert(listing.type === 'directory');
    assert.deepEqual(
      [...listing.entries],
      [
        ['a', { type: 'regular', executable: true, size: 3, narOffset: undefined }],
        ['b', { type: 'regular', executable: false, size: undefined, narOffset: undefined }],
      ],
    );
  });

  const refusals: readonly [why: string, root: string, code?: string][] = [
    ['no object', '[]', 'json/wrong-type'],
    ['no type', '{}', 'json/missing-key'],
    ['unknown type', '{"type":"fifo"}'],
    ['type that is no string', '{"type":["regular"]}', 'json/wrong-type'],
    ['negative size', '{"type":"regular","size":-1}', 'json/wrong-type'],
    ['size beyond exact numbers', '{"type":"regular","size":9007199254740992}', 'json/wrong-type'],
    ['size with fraction', '{"type":"regular","size":1.5}', 'json/wrong-type'],
    ['executable that is no boolean', '{"type":"regular","executable":1}', 'json/wrong-type'],
    ['directory without entries', '{"type":"directory"}', 'json/missing-key'],
    ['entries that are no object', '{"type":"directory","entries":[]}', 'json/wrong-type'],
    ['name that climbs', '{"type":"directory","entries":{"..":{"type":"regular"}}}'],
    ['name with a slash', '{"type":"directory","entries":{"a/b":{"type":"regular"}}}'],
    ['symlink without target', '{"type":"symlink"}', 'json/missing-key'],
    ['symlink with an empty target', '{"type":"symlink","target":""}'],
    ['deep tree', '{"type":"directory","entries":{"a":'.repeat(100_000), 'json/too-deep'],
    ['no JSON', '{', 'json/syntax'],
  ];
  for (const [why, root, code = 'nar/bad-listing'] of refusals)
    test(`refuse ${why}`, () => {
      assert.throws(() => parseListing(byteStringFromText(`{"version":1,"root":${root}}`)), {
        name: 'NixCompatError',
        code,
      });
    });

  test('refuse another version', () => {
    const text = byteStringFromText('{"version":2,"root":{"type":"regular"}}');
    assert.throws(() => parseListing(text), { code: 'nar/bad-listing' });
  });

  test('refuse names that are not UTF-8', () => {
    fc.assert(
      fc.property(fileNames, name => {
        fc.pre(textOf(name) === undefined);
        const listing: NarListing = { type: 'directory', entries: new Map([[name, file(8)]]) };
        assert.throws(() => formatListing(listing), { code: 'json/not-utf8' });
      }),
    );
  });
});
