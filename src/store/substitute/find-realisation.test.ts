import assert from 'node:assert/strict';
import { test } from 'node:test';
import { byteStringFromText, bytesOf } from '../../base/index.ts';
import { SecretKey, type StorePath, fingerprintRealisation, hashBytes } from '../../nix-compat/index.ts';
import { MemoryStore, offerTree, recordReports } from '../../testing/index.ts';
import { Substituters } from './substituters.ts';

const id = { derivationHash: hashBytes('sha256', new Uint8Array()), output: byteStringFromText('out') };

/** A cache that says an output is a file with `text`, signed by `key`, if that is given. */
async function cacheWith(uri: string, text: string, key?: SecretKey): Promise<{ cache: MemoryStore; path: StorePath }> {
  const cache = new MemoryStore({ uri });
  const tree = offerTree({ type: 'file', executable: false, contents: byteStringFromText(text) });
  await cache.writer.add([tree]);
  const unsigned = { id, path: tree.path, signatures: [] };
  const signatures = key === undefined ? [] : [key.sign(bytesOf(fingerprintRealisation(unsigned)))];
  await cache.writer.addRealisation({ ...unsigned, signatures });
  return { cache, path: tree.path };
}

test('what nobody trusted has signed is passed over, and two that say different things are reported', async () => {
  const [one, two, stranger] = ['one', 'two', 'stranger'].map(name => SecretKey.generate(name));
  assert.ok(one !== undefined && two !== undefined && stranger !== undefined);
  const unsigned = await cacheWith('memory://unsigned', 'a');
  const foreign = await cacheWith('memory://foreign', 'b', stranger);
  const first = await cacheWith('memory://first', 'c', one);
  const second = await cacheWith('memory://second', 'd', two);
  const { reporter, reports } = recordReports();
  const { storeDir } = first.cache;
  const trustedKeys = new Map([one, two].map(key => [key.name, key.publicKey]));
  const caches = [unsigned, foreign, first, second].map(({ cache }) => cache);
  const trust = { requireSignatures: true, trustedKeys };
  const substituters = new Substituters(caches, { storeDir, trust, reporter });
  assert.equal((await substituters.findRealisation(id))?.path, first.path);
  const said = JSON.stringify(reports);
  assert.match(said, /ignoring the realisation of 'sha256:[0-9a-f]+!out' from 'memory:\/\/unsigned'/);
  assert.match(said, /ignoring the realisation of 'sha256:[0-9a-f]+!out' from 'memory:\/\/foreign'/);
  assert.match(said, /in 'memory:\/\/first' \(signed by one\), and '[^']*' in 'memory:\/\/second' \(signed by two\)/);
  const lenient = new Substituters(caches, { storeDir, trust: { requireSignatures: false, trustedKeys } });
  assert.equal((await lenient.findRealisation(id))?.path, unsigned.path);
});
