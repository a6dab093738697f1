import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { byteStringFromText } from '../../base/index.ts';
import {
  type DirectoryEntry,
  DiskBlobStore,
  type Node,
  digestOf,
  encodeDirectory,
  putBlob,
} from '../../castore/index.ts';
import { temporaryFolder } from '../../testing/index.ts';
import type { FuseProblem } from '../node-source.ts';
import type { FuseRequest } from '../protocol/request.ts';
import { LocalNodes } from './local-nodes.ts';
import type { Question, RootContents } from './messages.ts';
import { ViewServer } from './view-server.ts';

const name = byteStringFromText;
const entry = (text: string, node: Node): DirectoryEntry => ({ name: name(text), node });

/** A server without a kernel: requests go in, answers are kept. */
class ServerRig implements AsyncDisposable {
  readonly store: DiskBlobStore;
  readonly server: ViewServer;
  readonly asked: { readonly id: number; readonly question: Question }[] = [];
  readonly withdrawn: number[] = [];
  readonly problems: FuseProblem[] = [];
  readonly #folder = temporaryFolder();
  readonly #nodes: LocalNodes;
  readonly #answers = new Map<number, { readonly error: number; readonly body: Buffer }>();
  #unique = 2;

  constructor(root: RootContents, patience = 1e9) {
    this.store = new DiskBlobStore(this.#folder.path);
    this.#nodes = new LocalNodes(this.#folder.path);
    this.server = new ViewServer({
      nodes: this.#nodes,
      root,
      user: 7,
      group: 8,
      patience,
      reply: bytes => {
        const reply = Buffer.from(bytes);
        assert.equal(reply.readUInt32LE(0), reply.byteLength);
        const unique = Number(reply.readBigUInt64LE(8));
        assert.ok(!this.#answers.has(unique), 'answered once');
        this.#answers.set(unique, { error: reply.readInt32LE(4), body: reply.subarray(16) });
      },
      ask: (id, question) => this.asked.push({ id, question }),
      withdraw: id => this.withdrawn.push(id),
      report: problem => this.problems.push(problem),
    });
  }

  /** Sends a request; its number. */
  send(
    request: FuseRequest extends infer Each ? (Each extends FuseRequest ? Omit<Each, 'unique'> : never) : never,
  ): number {
    const unique = (this.#unique += 2);
    this.server.handle({ ...request, unique });
    return unique;
  }

  answer(unique: number): { readonly error: number; readonly body: Buffer } | undefined {
    return this.#answers.get(unique);
  }

  lookUp(nodeId: number, text: string): number {
    return this.send({ operation: 'lookup', nodeId, name: name(text) });
  }

  /** The inode that a look-up gave. */
  found(unique: number): number {
    const answer = this.answer(unique) ?? assert.fail('no answer');
    assert.equal(answer.error, 0);
    return Number(answer.body.readBigUInt64LE(0));
  }

  read(nodeId: number, size = 100): number {
    return this.send({ operation: 'read', nodeId, offset: 0, size });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#nodes[Symbol.dispose]();
    await this.store[Symbol.asyncDispose]();
    this.#folder[Symbol.dispose]();
  }
}

const errors = {
  ENOENT: -2,
  EINTR: -4,
  EIO: -5,
  ENOTDIR: -20,
  EISDIR: -21,
  EINVAL: -22,
  EROFS: -30,
  ENOSYS: -38,
  ESTALE: -116,
};

describe('ViewServer', () => {
  test('gives a file one inode wherever it is, a folder one for each place', async () => {
    await using rig = new ServerRig('views');
    const file: Node = { kind: 'file', digest: await putBlob(rig.store, Buffer.from('x')), executable: false };
    const folder: Node = {
      kind: 'directory',
      digest: await putBlob(rig.store, encodeDirectory({ entries: [entry('f', file)] })),
    };
    const entries = [
      entry('a', folder),
      entry('b', folder),
      entry('f', file),
      entry('x', { ...file, executable: true }),
    ];
    for (const view of ['one', 'two']) rig.server.addView(name(view), entries);
    const [one, two] = ['one', 'two'].map(view => rig.found(rig.lookUp(1, view)));
    const at = (parent: number, text: string) => rig.found(rig.lookUp(parent, text));
    const inodes = [one!, two!].map(view => ['a', 'b', 'f', 'x'].map(text => at(view, text)));
    assert.equal(inodes[0]?.[2], inodes[1]?.[2]);
    assert.equal(inodes[0]?.[3], inodes[1]?.[3]);
    assert.equal(at(inodes[0]![0]!, 'f'), inodes[0]?.[2]);
    assert.equal(new Set(inodes.flatMap(all => all.slice(0, 2))).size, 4);
    assert.equal(at(one!, 'a'), inodes[0]?.[0]);
  });

  test('forgets an inode when the kernel has let go of it as often as it was told', async () => {
    const file: Node = { kind: 'file', digest: digestOf(Buffer.alloc(0)), executable: false };
    await using rig = new ServerRig([entry('f', file)]);
    const id = rig.found(rig.lookUp(1, 'f'));
    assert.equal(rig.found(rig.lookUp(1, 'f')), id);
    rig.send({ operation: 'forget', nodeId: id, forgotten: [{ nodeId: id, lookups: 1 }] });
    assert.equal(rig.answer(rig.send({ operation: 'getattr', nodeId: id }))?.error, 0);
    rig.send({
      operation: 'batchForget',
      nodeId: 0,
      forgotten: [
        { nodeId: id, lookups: 1 },
        { nodeId: 999, lookups: 3 },
      ],
    });
    assert.equal(rig.answer(rig.send({ operation: 'getattr', nodeId: id }))?.error, errors.ESTALE);
    assert.notEqual(rig.found(rig.lookUp(1, 'f')), id);
    // The root stays.
    rig.send({ operation: 'forget', nodeId: 1, forgotten: [{ nodeId: 1, lookups: 100 }] });
    assert.equal(rig.answer(rig.send({ operation: 'getattr', nodeId: 1 }))?.error, 0);
  });

  test('answers what cannot be with what is wrong', async () => {
    const link: Node = { kind: 'symlink', target: name('t') };
    const file: Node = { kind: 'file', digest: digestOf(Buffer.alloc(0)), executable: false };
    await using rig = new ServerRig([entry('f', file), entry('l', link)]);
    const [f, l] = ['f', 'l'].map(text => rig.found(rig.lookUp(1, text)));
    const error = (unique: number) => rig.answer(unique)?.error;
    assert.equal(error(rig.lookUp(f!, 'x')), errors.ENOTDIR);
    assert.equal(error(rig.read(1)), errors.EISDIR);
    assert.equal(error(rig.read(l!)), errors.EINVAL);
    assert.equal(error(rig.send({ operation: 'readlink', nodeId: f! })), errors.EINVAL);
    assert.equal(error(rig.send({ operation: 'readdir', nodeId: f!, offset: 0, size: 100 })), errors.ENOTDIR);
    assert.equal(error(rig.send({ operation: 'refused', nodeId: 1, error: 'EROFS' })), errors.EROFS);
    assert.equal(rig.answer(rig.send({ operation: 'readlink', nodeId: l! }))?.body.toString(), 't');
    // That a name stands for nothing may be remembered, so that it is no error.
    const nothing = rig.answer(rig.lookUp(1, 'none'));
    assert.deepEqual([nothing?.error, nothing?.body.readBigUInt64LE(0)], [0, 0n]);
    assert.deepEqual(rig.problems, []);
  });

  test('asks once for what many want, and goes on with all of them', async () => {
    const bytes = Buffer.from('contents');
    await using rig = new ServerRig([entry('f', { kind: 'file', digest: digestOf(bytes), executable: false })]);
    const id = rig.found(rig.lookUp(1, 'f'));
    const reads = [rig.read(id), rig.read(id, 3)];
    assert.equal(rig.asked.length, 1);
    assert.deepEqual(
      reads.map(unique => rig.answer(unique)),
      [undefined, undefined],
    );
    rig.server.answer(rig.asked[0]!.id, { kind: 'blob', bytes });
    assert.deepEqual(
      reads.map(unique => rig.answer(unique)?.body.toString()),
      ['contents', 'con'],
    );
    // It is kept for a while.
    assert.equal(rig.answer(rig.read(id))?.body.toString(), 'contents');
    // A late second answer is for nobody.
    rig.server.answer(rig.asked[0]!.id, { kind: 'failed', message: 'late' });
    assert.deepEqual(rig.problems, []);
  });

  test('takes back a question when the last who waits is interrupted', async () => {
    await using rig = new ServerRig([
      entry('f', { kind: 'file', digest: digestOf(Buffer.from('x')), executable: false }),
    ]);
    const id = rig.found(rig.lookUp(1, 'f'));
    const [first, second] = [rig.read(id), rig.read(id)];
    const interrupt = (interrupted: number) => rig.send({ operation: 'interrupt', nodeId: 0, interrupted });
    assert.equal(rig.answer(interrupt(first)), undefined);
    assert.equal(rig.answer(first)?.error, errors.EINTR);
    assert.deepEqual([rig.answer(second), rig.withdrawn.length], [undefined, 0]);
    interrupt(second);
    assert.equal(rig.answer(second)?.error, errors.EINTR);
    assert.deepEqual(rig.withdrawn, [rig.asked[0]!.id]);
    // Of a request that was answered before.
    interrupt(second);
    // Who comes later asks anew.
    rig.read(id);
    assert.equal(rig.asked.length, 2);
  });

  test('gives up on whoever says nothing for too long', async () => {
    await using rig = new ServerRig(
      [entry('f', { kind: 'file', digest: digestOf(Buffer.from('x')), executable: false })],
      0,
    );
    const read = rig.read(rig.found(rig.lookUp(1, 'f')));
    assert.equal(rig.server.timeout, 0);
    rig.server.expire();
    assert.equal(rig.answer(read)?.error, errors.EIO);
    assert.deepEqual(rig.withdrawn, [rig.asked[0]!.id]);
    assert.equal(rig.problems[0]?.kind, 'too late');
    assert.equal(rig.server.timeout, undefined);
  });

  test('asks for names of a dynamic view, each time', async () => {
    await using rig = new ServerRig({ asksFor: /^ask/ });
    assert.equal(rig.answer(rig.lookUp(1, 'other'))?.error, errors.ENOENT);
    assert.equal(rig.asked.length, 0);
    const symlink: Node = { kind: 'symlink', target: name('t') };
    const ids = [undefined, symlink, symlink].map(node => {
      const unique = rig.lookUp(1, 'asked');
      rig.server.answer(rig.asked.at(-1)!.id, { kind: 'name', node });
      return node === undefined ? rig.answer(unique)?.error : rig.found(unique);
    });
    assert.equal(ids[0], errors.ENOENT);
    assert.equal(ids[1], ids[2]);
    assert.equal(rig.asked.length, 3);
    const listing = rig.send({ operation: 'readdirplus', nodeId: 1, offset: 0, size: 4096 });
    rig.server.answer(rig.asked.at(-1)!.id, { kind: 'listing', entries: [entry('asked', symlink)] });
    assert.ok(rig.answer(listing)?.body.includes('asked'));
    // Further parts are of the same listing.
    const rest = rig.send({ operation: 'readdirplus', nodeId: 1, offset: 2, size: 4096 });
    assert.ok(rig.answer(rest)?.body.includes('asked'));
    assert.equal(rig.answer(rig.send({ operation: 'readdir', nodeId: 1, offset: 3, size: 4096 }))?.body.byteLength, 0);
  });

  test('lists a folder in parts of any size, each entry once', async () => {
    const symlink: Node = { kind: 'symlink', target: name('t') };
    const names = Array.from({ length: 50 }, (_, i) => 'n'.repeat(i + 1));
    await using rig = new ServerRig(names.map(each => entry(each, symlink)));
    for (const size of [300, 1000, 100_000]) {
      const seen: string[] = [];
      for (let offset = 0; ;) {
        const body =
          rig.answer(rig.send({ operation: 'readdir', nodeId: 1, offset, size }))?.body ?? assert.fail('no answer');
        assert.ok(body.byteLength <= size);
        if (body.byteLength === 0) break;
        for (let at = 0; at < body.byteLength;) {
          const length = body.readUInt32LE(at + 16);
          seen.push(body.toString('latin1', at + 24, at + 24 + length));
          offset = Number(body.readBigUInt64LE(at + 8));
          at += 24 + Math.ceil(length / 8) * 8;
        }
      }
      assert.deepEqual(seen, ['.', '..', ...names]);
    }
  });
});
