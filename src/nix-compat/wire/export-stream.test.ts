import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import * as fc from 'fast-check';
import { byteStringFromText, ignoreTree } from '../../base/index.ts';
import { type TestTree, hexVectors, inPieces, playTree, testTrees } from '../../testing/index.ts';
import {
  ExportWriter,
  NixCompatError,
  NarWriter,
  type PathInfo,
  WireReader,
  WireWriter,
  defaultStoreDir,
  hashBytes,
  parseStorePath,
  readExport,
} from '../index.ts';

const transcript = hexVectors('wire/transcripts.json')('export: a text and a derivation that refers to it');
const path = parseStorePath('g1w7hy3qg1w7hy3qg1w7hy3qg1w7hy3q-foo');
const deriver = parseStorePath('g1w7hy3qg1w7hy3qg1w7hy3qg1w7hy3q-foo.drv');

function narOf(tree: TestTree): Buffer {
  const chunks: Uint8Array[] = [];
  playTree(tree, new NarWriter(chunk => chunks.push(Uint8Array.from(chunk))));
  return Buffer.concat(chunks);
}

function infoOf(nar: Uint8Array): PathInfo {
  return {
    path,
    narHash: hashBytes('sha256', nar),
    narSize: nar.length,
    references: [path],
    deriver,
    signatures: [],
  };
}

async function readInfos(bytes: Uint8Array, size: number): Promise<PathInfo[]> {
  const infos: PathInfo[] = [];
  const reader = new WireReader(inPieces(bytes, size));
  await readExport(reader, defaultStoreDir, {
    startObject: () => ignoreTree,
    endObject: info => void infos.push(info),
  });
  assert.equal(reader.offset, bytes.length);
  return infos;
}

describe('exports', () => {
  test('are read as they were written', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(testTrees, { maxLength: 3 }), fc.integer({ min: 1, max: 300 }), async (trees, size) => {
        const chunks: Uint8Array[] = [];
        const writer = new ExportWriter(defaultStoreDir, chunk => chunks.push(Uint8Array.from(chunk)));
        const infos = trees.map(tree => infoOf(narOf(tree)));
        trees.forEach((tree, at) => {
          playTree(tree, writer.startObject());
          writer.endObject(infos[at]!);
        });
        writer.end();
        assert.deepEqual(await readInfos(Buffer.concat(chunks), size), infos);
      }),
    );
  });

  test('of older versions may have a signature, which is skipped', async () => {
    const writer = new WireWriter();
    writer.number(1);
    writer.string(byteStringFromText(path));
    const signature = writer.take();
    const end = transcript.subarray(-8);
    const lastObject = transcript.subarray(0, -16);
    assert.deepEqual(
      await readInfos(Buffer.concat([lastObject, signature, end]), 100),
      await readInfos(transcript, 100),
    );
  });

  const number = (value: number) => {
    const writer = new WireWriter();
    writer.number(value);
    return writer.take();
  };
  const nar = narOf({ type: 'directory', entries: [] });
  const refusals: readonly [why: string, bytes: Buffer, code: string, offset: number][] = [
    ['nothing', Buffer.alloc(0), 'wire/truncated', 0],
    ['what is no export', Buffer.from('hello, world'), 'export/not-an-export', 0],
    ['a NAR on its own', nar, 'export/not-an-export', 0],
    ['an object that is no NAR', Buffer.concat([number(1), Buffer.alloc(24, 'x')]), 'nar/bad-magic', 0],
    ['a NAR that breaks off', Buffer.concat([number(1), nar.subarray(0, 60)]), 'nar/truncated', 60],
    ['another magic number', Buffer.concat([number(1), nar, number(0x4558494f)]), 'export/bad-magic', 8 + nar.length],
    ['an export without end', transcript.subarray(0, -8), 'wire/truncated', transcript.length - 8],
  ];
  for (const [why, bytes, code, offset] of refusals)
    test(`refuse ${why}`, async () => {
      for (const size of [5, 1000])
        await assert.rejects(readInfos(bytes, size), { name: 'NixCompatError', code, offset });
    });

  test('take or refuse any mutation with a NixCompatError', async () => {
    await fc.assert(
      fc.asyncProperty(fc.nat(transcript.length - 1), fc.nat(255), async (at, byte) => {
        const bytes = Uint8Array.from(transcript);
        bytes[at] = byte;
        try {
          await readExport(new WireReader([bytes]), defaultStoreDir, { startObject: () => ignoreTree, endObject() {} });
        } catch (error) {
          assert(error instanceof NixCompatError, String(error));
        }
      }),
      { numRuns: 500 },
    );
  });
});

describe('ExportWriter', () => {
  const link: TestTree = { type: 'symlink', target: byteStringFromText('foo') };
  const writer = () => new ExportWriter(defaultStoreDir, () => {});

  test('refuses an object that has changed', () => {
    const exported = writer();
    playTree(link, exported.startObject());
    assert.throws(() => exported.endObject(infoOf(Buffer.from('what it was'))), {
      code: 'export/hash-changed',
      message:
        /^hash of path '\/nix\/store\/g1w7hy3qg1w7hy3qg1w7hy3qg1w7hy3q-foo' has changed from 'sha256:.*' to 'sha256:.*'!$/,
    });
  });

  const refusals: readonly [why: string, play: (exported: ExportWriter) => void][] = [
    ['to end an object that was not started', exported => exported.endObject(infoOf(narOf(link)))],
    [
      'to end an object before its tree',
      exported => {
        exported.startObject().startDirectory();
        exported.endObject(infoOf(narOf(link)));
      },
    ],
    [
      'to start an object within another',
      exported => {
        exported.startObject();
        exported.startObject();
      },
    ],
    [
      'to end within an object',
      exported => {
        exported.startObject();
        exported.end();
      },
    ],
    [
      'to go on after its end',
      exported => {
        exported.end();
        exported.startObject();
      },
    ],
  ];
  for (const [why, play] of refusals)
    test(`refuses ${why}`, () => {
      assert.throws(() => play(writer()), { code: 'export/bad-sequence' });
    });
});
