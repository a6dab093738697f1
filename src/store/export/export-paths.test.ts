import assert from 'node:assert/strict';
import { chmodSync, cpSync, lstatSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { byteStringFromText } from '../../base/index.ts';
import { removeTree } from '../../castore/index.ts';
import { type StorePath, parseRegistrations } from '../../nix-compat/index.ts';
import { temporaryFolder } from '../../testing/index.ts';
import { addToStore } from '../local/add-to-store.ts';
import { importPaths } from './import-paths.ts';
import { LocalStore } from '../local/local-store.ts';
import { registerPaths } from '../local/register-paths.ts';
import { StoreError, type StoreErrorCode } from '../error.ts';
import type { TreeSource } from '../store.ts';
import { dumpRegistrations } from './dump-registrations.ts';
import { exportPaths } from './export-paths.ts';

const code = (expected: StoreErrorCode) => (error: unknown) => error instanceof StoreError && error.code === expected;

function openStores() {
  const folder = temporaryFolder();
  const open = (name: string) =>
    new LocalStore({
      dataFolder: join(folder.path, name, 'data'),
      realStoreDir: join(folder.path, name, 'store'),
    });
  const [from, to] = [open('from'), open('to')];
  return {
    from,
    to,
    async [Symbol.asyncDispose]() {
      await from[Symbol.asyncDispose]();
      await to[Symbol.asyncDispose]();
      folder[Symbol.dispose]();
    },
  };
}

const file =
  (text: string): TreeSource =>
  async (sink, drain) => {
    const bytes = Buffer.from(text);
    sink.startFile(false, bytes.byteLength);
    sink.fileData(bytes);
    sink.endFile();
    await drain();
  };

/** Paths each of which refers to the one before. */
async function addChain(store: LocalStore, length: number): Promise<StorePath[]> {
  const paths: StorePath[] = [];
  for (let at = 0; at < length; at++) {
    const others = paths.slice(-1);
    const { path } = await addToStore(store, file(`file ${at}`), { name: 'x', references: { others, self: false } });
    paths.push(path);
  }
  return paths;
}

async function exported(store: LocalStore, paths: Iterable<StorePath>): Promise<Buffer> {
  const chunks: Buffer[] = [];
  await exportPaths(store, paths, chunk => chunks.push(Buffer.from(chunk)));
  return Buffer.concat(chunks);
}

function* inPieces(bytes: Buffer, size: number): Generator<Uint8Array> {
  for (let at = 0; at < bytes.byteLength; at += size) yield bytes.subarray(at, at + size);
}

describe('an export', () => {
  test('is imported with all that is known of its paths', async () => {
    await using stores = openStores();
    const { from, to } = stores;
    const paths = await addChain(from, 30);
    const bytes = await exported(from, paths.toReversed());
    assert.deepEqual(await importPaths(to, inPieces(bytes, 100), { checkSignatures: false }), paths);
    assert.deepEqual(await importPaths(to, [bytes], { checkSignatures: false }), paths);
    for (const path of paths) {
      const { narHash, references } = to.paths.require(path).info;
      assert.deepEqual(narHash, from.paths.require(path).info.narHash);
      assert.deepEqual(references, from.paths.require(path).info.references);
    }
    assert.deepEqual(await exported(to, paths), bytes);
    assert.equal(await to.upkeep.verify({ checkContents: true }), false);
  });

  test('of something that refers to what the other store lacks is refused', async () => {
    await using stores = openStores();
    const { from, to } = stores;
    const [first, second] = await addChain(from, 2);
    assert.ok(first !== undefined && second !== undefined);
    const importing = importPaths(to, [await exported(from, [second])], { checkSignatures: false });
    await assert.rejects(importing, code('path/missing-reference'));
    assert.deepEqual(to.paths.all(), []);
  });

  test('that breaks off leaves what came before', async () => {
    await using stores = openStores();
    const { from, to } = stores;
    const paths = await addChain(from, 3);
    const bytes = await exported(from, paths);
    const importing = importPaths(to, [bytes.subarray(0, bytes.byteLength - 100)], { checkSignatures: false });
    await assert.rejects(importing, /end/i);
    assert.deepEqual(to.paths.all(), paths.slice(0, 2).toSorted());
  });

  test('is not trusted where signatures are asked for', async () => {
    await using stores = openStores();
    const { from, to } = stores;
    const bytes = await exported(from, await addChain(from, 1));
    await assert.rejects(importPaths(to, [bytes]), code('path/untrusted'));
  });
});

describe('registrations', () => {
  test('make valid what lies in the store directory', async () => {
    await using stores = openStores();
    const { from, to } = stores;
    const paths = await addChain(from, 30);
    let text = '';
    for await (const piece of dumpRegistrations(from, paths)) text += piece;
    for (const path of paths) {
      cpSync(from.realPath(path), to.realPath(path));
      chmodSync(to.realPath(path), 0o644);
    }
    const registrations = parseRegistrations(to.storeDir, byteStringFromText(text), { withHashes: true });
    await registerPaths(to, registrations);
    assert.deepEqual(to.paths.all(), from.paths.all());
    for (const path of paths) assert.equal(lstatSync(to.realPath(path)).mode & 0o777, 0o444);
    assert.equal(await to.upkeep.verify({ checkContents: true }), false);
  });

  test('are refused where something else lies there, or nothing', async () => {
    await using stores = openStores();
    const { from, to } = stores;
    const [path] = await addChain(from, 1);
    assert.ok(path !== undefined);
    const { narHash: hash, narSize: size } = from.paths.require(path).info;
    const registration = { path, nar: { hash, size }, references: [] };
    await assert.rejects(registerPaths(to, [registration]), /ENOENT/);
    writeFileSync(to.realPath(path), 'something else');
    await assert.rejects(registerPaths(to, [registration]), code('path/hash-mismatch'));
    assert.deepEqual(to.paths.all(), []);
    await registerPaths(to, [{ path, references: [] }]);
    assert.deepEqual(to.paths.all(), [path]);
  });

  test('replace what is known of a path only where that is asked for', async () => {
    await using stores = openStores();
    const { from } = stores;
    const [first, second] = await addChain(from, 2);
    assert.ok(first !== undefined && second !== undefined);
    await registerPaths(from, [{ path: second, references: [] }]);
    assert.deepEqual(from.paths.require(second).info.references, [first]);
    await registerPaths(from, [{ path: second, references: [] }], { reregister: true });
    assert.deepEqual(from.paths.require(second).info.references, []);
    removeTree(from.realPath(first));
  });
});
