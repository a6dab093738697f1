import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { byteStringFromLatin1, byteStringFromText } from '../../base/index.ts';
import {
  type DirectoryEntry,
  MemoryBlobStore,
  type Node,
  digestOf,
  encodeDirectory,
  putBlob,
} from '../../castore/index.ts';
import { GrpcStatus } from '../../grpc/index.ts';
import { ReapiRig, noise } from '../../testing/index.ts';
import { ReapiServer } from './reapi-server.ts';
import { RemoteBlobStore } from './remote-blob-store.ts';
import { sendTrees } from './send-trees.ts';

const text = byteStringFromText;

/** A store with trees, and a server that lacks them. */
class Rig implements AsyncDisposable {
  readonly from = new MemoryBlobStore();
  readonly served: ReapiRig;
  readonly #server: ReapiServer;
  readonly to: RemoteBlobStore;

  private constructor(served: ReapiRig) {
    this.served = served;
    this.#server = new ReapiServer({ address: served.address, retries: { attempts: 2, delay: 1, maxDelay: 1 } });
    this.to = new RemoteBlobStore(this.#server);
  }

  static async start(): Promise<Rig> {
    return new Rig(await ReapiRig.start());
  }

  async file(bytes: Uint8Array): Promise<Node> {
    return { kind: 'file', digest: await putBlob(this.from, bytes), executable: false };
  }

  async folder(nodes: Readonly<Record<string, Node>>): Promise<Node> {
    const entries: DirectoryEntry[] = Object.keys(nodes)
      .toSorted()
      .flatMap(name => {
        const node = nodes[name];
        return node === undefined ? [] : [{ name: text(name), node }];
      });
    return { kind: 'directory', digest: await putBlob(this.from, encodeDirectory({ entries })) };
  }

  send(...roots: readonly Node[]): Promise<void> {
    return sendTrees(this.from, this.to, { roots: new Map(roots.map((root, at) => [`tree-${at}`, root])) });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#server[Symbol.asyncDispose]();
    await this.served[Symbol.asyncDispose]();
  }
}

const link: Node = { kind: 'symlink', target: text('anywhere') };

describe('sendTrees', () => {
  test('sends what trees are made of, each once, and only what is lacking', async () => {
    await using rig = await Rig.start();
    const shared = noise(5000, 1);
    const file = await rig.file(shared);
    const inner = await rig.folder({ file, link, empty: await rig.file(new Uint8Array(0)) });
    const outer = await rig.folder({ one: inner, two: inner, file });
    const alone = await rig.file(noise(3000, 2));
    await rig.send(outer, alone, link, outer);
    for (const node of [file, inner, outer, alone]) {
      assert.ok(node.kind !== 'symlink');
      assert.deepEqual(await rig.to.findMissing([node.digest]), []);
    }
    const { received } = rig.served;
    assert.ok(received >= 8000 && received < 9000, `${received} bytes`);
    await rig.send(outer, alone);
    assert.equal(rig.served.received, received);
    await rig.send(await rig.folder({ outer, more: await rig.file(noise(100, 3)) }));
    assert.ok(rig.served.received < received + 400);
  });

  test('sends more than is on its way at a time', async () => {
    await using rig = await Rig.start();
    const files = await Promise.all(Array.from({ length: 9 }, (_, at) => rig.file(noise(8_000_000, at))));
    const root = await rig.folder(Object.fromEntries(files.map((file, at) => [`${at}`, file])));
    await rig.send(root);
    for (const node of files) {
      assert.ok(node.kind === 'file');
      assert.deepEqual(await rig.to.findMissing([node.digest]), []);
    }
  });

  test('sends nothing for nothing', async () => {
    await using rig = await Rig.start();
    await rig.send();
    await rig.send(link);
    assert.equal(rig.served.received, 0);
  });

  test('tells what is not here', async () => {
    await using rig = await Rig.start();
    const lost: Node = { kind: 'file', digest: digestOf(Buffer.from('lost')), executable: false };
    const here = await rig.file(Buffer.from('here'));
    await assert.rejects(rig.send(await rig.folder({ here, lost })), { code: 'blob/missing' });
    const noFolder: Node = { kind: 'directory', digest: digestOf(Buffer.from('no folder')) };
    await assert.rejects(rig.send(noFolder), { code: 'blob/missing' });
    // What the server has need not be here.
    await putBlob(rig.to, Buffer.from('lost'));
    await rig.send(await rig.folder({ here, lost }));
  });

  test('refuses names that REAPI cannot say, before anything is sent', async () => {
    await using rig = await Rig.start();
    const file = await rig.file(Buffer.from('text'));
    const bytes = encodeDirectory({ entries: [{ name: byteStringFromLatin1('\xff'), node: file }] });
    const folder: Node = { kind: 'directory', digest: await putBlob(rig.from, bytes) };
    await assert.rejects(rig.send(await rig.folder({ below: folder })), {
      code: 'directory/not-utf8',
      message: /tree-0\/below/,
    });
    const { digest } = file.kind === 'file' ? file : assert.fail();
    assert.deepEqual(await rig.to.findMissing([digest]), [digest]);
  });

  test('passes on what the server refuses', async () => {
    await using rig = await Rig.start();
    const file = await rig.file(Buffer.from('text'));
    rig.served.fault = path => {
      if (path.endsWith('BatchUpdateBlobs')) throw new GrpcStatus('permissionDenied', 'not you');
    };
    await assert.rejects(rig.send(file), { code: 'permissionDenied' });
    await assert.rejects(
      sendTrees(rig.from, rig.to, {
        roots: new Map([['file', file]]),
        signal: AbortSignal.abort(new Error('enough')),
      }),
    );
  });
});
