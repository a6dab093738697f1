import assert from 'node:assert/strict';
import { test } from 'node:test';
import { printStorePath } from '../../nix-compat/index.ts';
import { BuildRig } from '../../testing/index.ts';

test('exportReferencesGraph: the closure of derivations has their outputs, where these are known from them, as in C++ Nix', async () => {
  await using rig = new BuildRig();
  const { storeDir } = rig.store;
  const plain = await rig.add({ name: 'plain' });
  await rig.built({ name: 'plain' });
  const graphOf = (path: typeof plain.path) => ({
    script: 'while read -r line; do echo "$line"; done < graph > $out',
    inputs: [path],
    env: { exportReferencesGraph: `graph ${printStorePath(storeDir, path)}` },
  });
  const known = await rig.build({ name: 'known', ...graphOf(plain.path) });
  assert.ok('builtOutputs' in known.outcome, JSON.stringify(known.outcome));
  const floating = await rig.add({
    name: 'floating',
    outputs: { out: { kind: 'floating', method: 'nar', algorithm: 'sha256' } },
  });
  const { status, message } = await rig.failure({ name: 'unknown', ...graphOf(floating.path) });
  assert.equal(status, 'InputRejected');
  assert.equal(message, 'exportReferences on CA derivations is not yet implemented');
});
