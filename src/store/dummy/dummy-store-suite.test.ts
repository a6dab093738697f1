import assert from 'node:assert/strict';
import { test } from 'node:test';
import { byteStringFromText } from '../../base/index.ts';
import { defaultStoreDir } from '../../nix-compat/index.ts';
import { offerTree, storeSuite } from '../../testing/index.ts';
import { requireFacet } from '../store.ts';
import { DummyStore } from './dummy-store.ts';

function open(readOnly: boolean): DummyStore {
  return new DummyStore({
    uri: `dummy://?read-only=${readOnly}`,
    storeDir: defaultStoreDir,
    priority: undefined,
    wantMassQuery: undefined,
    isTrusted: false,
    pathInfoCacheSize: 0,
    readOnly,
    trust: { requireSignatures: true, trustedKeys: new Map() },
  });
}

storeSuite('a dummy store that can be written to', () => {
  const store = open(false);
  return Promise.resolve({ store, [Symbol.asyncDispose]: () => store[Symbol.asyncDispose]() });
});

test('a dummy store takes nothing unless it is asked to, and nothing that nobody has signed', async () => {
  const addition = offerTree({ type: 'symlink', target: byteStringFromText('x') }, { storeDir: defaultStoreDir });
  const untrusted = { ...addition, offers: [{ ...addition.offers[0], isTrusted: false }] as const };
  await using store = open(false);
  await assert.rejects(requireFacet(store, 'writer', 'add').add([untrusted]), { code: 'path/untrusted' });
  await using closed = open(true);
  assert.throws(() => requireFacet(closed, 'writer', 'addToStore'), { code: 'store/unsupported' });
});
