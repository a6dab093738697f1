import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { byteStringFromText, magenta, normal } from '../../base/index.ts';
import {
  type CheckedReference,
  type DerivationOptions,
  type OutputChecks,
  type PathInfo,
  type StorePath,
  printStorePath,
  zeroHash,
} from '../../nix-compat/index.ts';
import {
  addTestPath,
  finishTestBuild,
  noChecks,
  openLocalStoreIn,
  temporaryFolder,
  testPath,
} from '../../testing/index.ts';
import { BuildError } from '../error.ts';
import { checkOutputs } from './check-outputs.ts';

const [out, dev] = [byteStringFromText('out'), byteStringFromText('dev')];
const [outPath, devPath] = [testPath('check-out'), testPath('check-dev')];

/** `low` is what `high` refers to; `out` refers to itself, to `dev` and to `high`, `dev` to nothing. */
async function openRig() {
  const folder = temporaryFolder();
  const store = openLocalStoreIn(folder.path);
  const low = await addTestPath(store, 'low');
  const high = await addTestPath(store, 'high', [low]);
  const infoOf = (path: StorePath, references: readonly StorePath[]): PathInfo => {
    return { path, narHash: zeroHash('sha256'), narSize: 1000, references, signatures: [] };
  };
  const built = new Map([
    [dev, infoOf(devPath, [])],
    [out, infoOf(outPath, [outPath, devPath, high].toSorted())],
  ]);
  const shown = (path: StorePath) => `<${printStorePath(store.storeDir, path)}>`;
  const messageOf = (options: Partial<DerivationOptions<StorePath>>, infos = built): string | undefined => {
    const finished = finishTestBuild(folder.path, { name: 'check', outputs: { out: {}, dev: {} }, options });
    try {
      checkOutputs(store, finished, infos);
      return undefined;
    } catch (error) {
      if (!(error instanceof BuildError)) throw error;
      assert.equal(error.status, 'OutputRejected');
      return error.message.replaceAll(magenta, '<').replaceAll(normal, '>');
    }
  };
  return {
    store,
    low,
    high,
    shown,
    built,
    infoOf,
    messageOf,
    check: (checks: Partial<OutputChecks<StorePath>>) => {
      const ofOut = new Map([[out, { ...noChecks, ...checks }]]);
      return messageOf({ outputChecks: { kind: 'per-output', checks: ofOut } });
    },
    async [Symbol.asyncDispose]() {
      await store[Symbol.asyncDispose]();
      folder[Symbol.dispose]();
    },
  };
}

const inputs = (...paths: StorePath[]) => paths.map((input): CheckedReference<StorePath> => ({ kind: 'input', input }));
const own = (name: string): CheckedReference<StorePath> => ({ kind: 'own-output', output: byteStringFromText(name) });

describe('checks of outputs', () => {
  test('of what an output may refer to', async () => {
    await using rig = await openRig();
    const { high, low, shown, check } = rig;
    const refused = (...paths: StorePath[]) => {
      const list = paths.toSorted().map(path => `\n  ${shown(path)}`);
      return `output '${shown(outPath)}' is not allowed to refer to the following paths:${list.join('')}`;
    };
    assert.equal(check({}), undefined);
    assert.equal(check({ allowedReferences: [...inputs(high), own('out'), own('dev')] }), undefined);
    assert.equal(check({ allowedReferences: [own('dev')] }), refused(high, outPath));
    assert.equal(check({ allowedReferences: [] }), refused(high, outPath, devPath));
    // What is ignored is ignored among requisites alone.
    assert.equal(
      check({ allowedReferences: [...inputs(high), own('dev')], ignoreSelfReferences: true }),
      refused(outPath),
    );
    assert.equal(check({ allowedRequisites: [...inputs(high, low), own('out'), own('dev')] }), undefined);
    assert.equal(check({ allowedRequisites: [...inputs(high), own('dev')] }), refused(low, outPath));
    assert.equal(
      check({ allowedRequisites: [...inputs(high, low), own('dev')], ignoreSelfReferences: true }),
      undefined,
    );
    assert.equal(check({ disallowedReferences: inputs(low) }), undefined);
    assert.equal(check({ disallowedReferences: inputs(high, low) }), refused(high));
    assert.equal(check({ disallowedRequisites: inputs(low) }), refused(low));
    assert.equal(check({ disallowedRequisites: [own('out')] }), refused(outPath));
    assert.equal(check({ disallowedRequisites: [own('out')], ignoreSelfReferences: true }), undefined);
  });

  test('of sizes', async () => {
    await using rig = await openRig();
    const { store, high, low, shown, check } = rig;
    assert.equal(check({ maxSize: 1000 }), undefined);
    assert.equal(
      check({ maxSize: 999 }),
      `path '${shown(outPath)}' is too large at <1000> bytes; limit is <999> bytes`,
    );
    const sizes = [high, low].map(path => store.paths.require(path).info.narSize);
    const size = sizes.reduce((a, b) => a + b, 2000);
    assert.equal(check({ maxClosureSize: size }), undefined);
    assert.equal(
      check({ maxClosureSize: size - 1 }),
      `closure of path '${shown(outPath)}' is too large at <${size}> bytes; limit is <${size - 1}> bytes`,
    );
  });

  test('that name an output which there is not', async () => {
    await using rig = await openRig();
    assert.equal(
      rig.check({ disallowedReferences: [own('lib')] }),
      `derivation '${rig.shown(testPath('check.drv'))}' output check for '<out>' contains output name '<lib>',` +
        ` but this is not a valid output of this derivation. (Valid outputs are [<dev, out>].)`,
    );
  });

  test('for all outputs', async () => {
    await using rig = await openRig();
    const checks = { ...noChecks, maxSize: 0 };
    const message = rig.messageOf({ outputChecks: { kind: 'for-all-outputs', checks } });
    assert.match(message ?? '', /^path '.*check-dev>' is too large/);
  });

  test('of many outputs that refer to each other in a long row', async () => {
    await using rig = await openRig();
    const count = 5000;
    const names = Array.from({ length: count }, (_, i) => byteStringFromText(`o${String(i).padStart(5, '0')}`));
    const infos = new Map(
      names.map((name, i) => [name, rig.infoOf(testPath(name), i + 1 < count ? [testPath(names[i + 1] ?? '')] : [])]),
    );
    const first = names[0] ?? out;
    const checks = new Map([[first, { ...noChecks, maxClosureSize: count * 1000 - 1 }]]);
    const message = rig.messageOf({ outputChecks: { kind: 'per-output', checks } }, infos);
    assert.match(message ?? '', /is too large at <5000000> bytes; limit is <4999999> bytes$/);
  });
});
