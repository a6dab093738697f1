import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test } from 'node:test';
import { brandAs, byteStringFromText, bytesOf } from '../../base/index.ts';
import {
  type Derivation,
  DerivationHasher,
  type DerivationOutput,
  type StorePath,
  fillOutputPaths,
  makeDerivationFile,
  parseStorePath,
} from '../../nix-compat/index.ts';
import { temporaryFolder } from '../../testing/index.ts';
import { addTree } from '../add-tree.ts';
import { computeClosure, computeReferrers } from '../closure/compute-closure.ts';
import { StoreError } from '../error.ts';
import { LocalStore } from '../local/local-store.ts';
import { derivationOutputs, outputIds } from './derivation-outputs.ts';
import { readDerivation } from './read-derivation.ts';

const out = byteStringFromText('out');

function derivation(name: string, output: DerivationOutput, inputs: readonly StorePath[] = []): Derivation {
  return {
    name: byteStringFromText(name),
    outputs: new Map([[out, output]]),
    inputSources: [],
    inputDerivations: new Map(inputs.map(path => [path, { outputs: [out], dynamic: new Map() }])),
    platform: byteStringFromText('x86_64-linux'),
    builder: byteStringFromText('/bin/sh'),
    args: [],
    env: new Map([[out, byteStringFromText('')]]),
  };
}

function openStore() {
  const folder = temporaryFolder();
  const place = (name: string) => join(folder.path, name);
  const store = new LocalStore({ dataFolder: place('data'), realStoreDir: place('store') });
  return {
    store,
    async add(given: Derivation): Promise<StorePath> {
      const { path, text, references } = makeDerivationFile(store.storeDir, given);
      await addTree(
        store,
        async sink => {
          const bytes = bytesOf(text);
          sink.startFile(false, bytes.byteLength);
          sink.fileData(bytes);
          sink.endFile();
        },
        { name: `${given.name}.drv`, method: 'text', references: { others: [...references], self: false } },
      );
      return path;
    },
    async [Symbol.asyncDispose]() {
      await store[Symbol.asyncDispose]();
      folder[Symbol.dispose]();
    },
  };
}

test('outputs are known from the derivation, or from realisations of it', async () => {
  await using opened = openStore();
  const { store } = opened;
  const plain = fillOutputPaths(
    derivation('plain', { kind: 'deferred' }),
    new DerivationHasher(store.storeDir, () => undefined),
  );
  const plainPath = await opened.add(plain);
  const wanted = plain.outputs.get(out);
  assert.ok(wanted?.kind === 'input-addressed');
  assert.deepEqual([...(await derivationOutputs(store, plainPath))], [[out, wanted.path]]);
  assert.deepEqual(await readDerivation(store, plainPath), plain);

  const floating: DerivationOutput = { kind: 'floating', method: 'nar', algorithm: 'sha256' };
  const floatingPath = await opened.add(derivation('floating', floating, [plainPath]));
  assert.deepEqual([...(await derivationOutputs(store, floatingPath))], [[out, undefined]]);
  const id = (await outputIds(store, floatingPath)).get(out);
  assert.ok(id !== undefined);
  await store.writer.addRealisation({ id, path: plainPath, signatures: [] });
  assert.deepEqual([...(await derivationOutputs(store, floatingPath))], [[out, plainPath]]);

  // The output of the floating one, as it is, is in the store; that of the other is not.
  const closure = await computeClosure(store, [floatingPath], { includeOutputs: true });
  assert.deepEqual(new Set(closure.keys()), new Set([floatingPath, plainPath]));
  assert.deepEqual(await computeReferrers(store, [plainPath]), new Set([plainPath, floatingPath]));
});

test('what is no derivation, or not there, is refused', async () => {
  await using opened = openStore();
  const path = parseStorePath(`${'a'.repeat(32)}-x.drv`);
  await assert.rejects(readDerivation(opened.store, path), (error: unknown) => {
    return error instanceof StoreError && error.code === 'path/invalid';
  });
  const other = brandAs<StorePath>(`${'a'.repeat(32)}-x`);
  await assert.rejects(readDerivation(opened.store, other), /is not a valid derivation path/);
});
