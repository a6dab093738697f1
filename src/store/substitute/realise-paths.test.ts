import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { bytesOf } from '../../base/index.ts';
import { SecretKey, type StorePath, fingerprintPathInfo, parseStoreDir } from '../../nix-compat/index.ts';
import { MemoryStore, recordReports, testPath } from '../../testing/index.ts';
import { StoreError } from '../error.ts';
import { queryMissing } from './query-missing.ts';
import { realisePaths } from './realise-paths.ts';
import { repairPath } from './repair-path.ts';
import { Substituters } from './substituters.ts';

const anything = { requireSignatures: false, trustedKeys: new Map() };

/** A store, a first and a second substituter, and what was said. */
function rig(options: Partial<ConstructorParameters<typeof Substituters>[1]> = {}) {
  const store = new MemoryStore();
  const first = new MemoryStore({ uri: 'memory://first', priority: 10 });
  const second = new MemoryStore({ uri: 'memory://second', priority: 20 });
  const { reporter, reports } = recordReports();
  const { storeDir } = store;
  const substituters = new Substituters([second, first], { storeDir, trust: anything, reporter, ...options });
  return {
    store,
    first,
    second,
    substituters,
    reporter,
    said: () => reports.flatMap(report => (report.kind === 'log' ? [report.text] : [])),
    realise: (...paths: StorePath[]) => realisePaths(store, substituters, paths, { reporter }),
  };
}

function sign(store: MemoryStore, path: StorePath, key: SecretKey): void {
  const info = store.infos.get(path);
  assert.ok(info !== undefined);
  const signature = key.sign(bytesOf(fingerprintPathInfo(store.storeDir, info)));
  store.infos.set(path, { ...info, signatures: [signature] });
}

const messages = (failures: Awaited<ReturnType<typeof realisePaths>>) => failures.map(({ error }) => error.message);
const required = (path: StorePath) =>
  `path '/nix/store/${path}' is required, but there is no substituter that can build it`;

describe('queryMissing', () => {
  test('says what would be fetched, what not, and how much that is', async () => {
    const { store, first, second, substituters } = rig();
    const a = first.put('a', [], { narSize: 100 });
    const b = second.put('b', [a, testPath('absent')], { narSize: 1000 });
    const there = store.put('there', [a]);
    const info = second.infos.get(b);
    assert.ok(info !== undefined);
    second.infos.set(b, Object.assign({}, info, { fileSize: 10 }));
    assert.deepEqual(await queryMissing(store, substituters, [b, there, testPath('nowhere')]), {
      willSubstitute: new Set([b, a]),
      unknown: new Set([testPath('nowhere'), testPath('absent')]),
      downloadSize: 10,
      narSize: 1100,
    });
  });

  test('asks once, also for what is not there, and each substituter only if those before have nothing', async () => {
    const { store, first, second, substituters } = rig();
    const a = first.put('a');
    const absent = testPath('absent');
    for (let turn = 0; turn < 2; turn++) await queryMissing(store, substituters, [a, absent]);
    assert.deepEqual(first.asked.toSorted(), [a, absent].toSorted());
    assert.deepEqual(second.asked, [absent]);
  });

  test('opens substituters once, and only if something is missing', async () => {
    const store = new MemoryStore();
    const cache = new MemoryStore();
    let opened = 0;
    const open = async () => {
      opened++;
      return [cache];
    };
    const substituters = new Substituters(open, { storeDir: store.storeDir, trust: anything });
    await queryMissing(store, substituters, [store.put('there')]);
    assert.equal(opened, 0);
    const { unknown } = await queryMissing(store, substituters, [testPath('absent'), testPath('nowhere')]);
    assert.equal(unknown.size, 2);
    assert.equal(opened, 1);
  });

  test('ignores substituters for other store directories', async () => {
    const store = new MemoryStore();
    const other = new MemoryStore({ storeDir: parseStoreDir('/elsewhere') });
    const substituters = new Substituters([other], { storeDir: store.storeDir, trust: anything });
    const { unknown } = await queryMissing(store, substituters, [other.put('a')]);
    assert.equal(unknown.size, 1);
  });
});

describe('findSubstitutable', () => {
  test('asks those that want it, for what others do not have', async () => {
    const stores = [1, 2, 3].map(priority => new MemoryStore({ priority, wantMassQuery: priority !== 1 }));
    const [unwilling, second, third] = stores;
    assert.ok(unwilling !== undefined && second !== undefined && third !== undefined);
    const paths = [unwilling.put('a'), second.put('b'), third.put('c'), testPath('absent')];
    const substituters = new Substituters(stores, { storeDir: second.storeDir, trust: anything });
    assert.deepEqual(await substituters.findSubstitutable(paths), new Set(paths.slice(1, 3)));
  });
});

describe('a substituter that fails', () => {
  test('is reported and passed over', async () => {
    const { first, second, substituters, said } = rig();
    const a = second.put('a');
    first.infoErrors.set(a, new Error('it is broken'));
    assert.equal((await substituters.find(a))?.store, second);
    assert.deepEqual(said(), ['error: it is broken']);
  });

  test('fails whoever asks if it is the last, unless there is a fallback', async () => {
    for (const fallback of [false, true]) {
      const { second, substituters, said } = rig({ fallback });
      const a = testPath('a');
      second.infoErrors.set(a, new Error('it is broken'));
      if (fallback) assert.equal(await substituters.find(a), undefined);
      else await assert.rejects(substituters.find(a), /it is broken/);
      assert.deepEqual(said(), fallback ? ['error: it is broken'] : []);
    }
  });

  test('is asked again, but not while it is disabled', async () => {
    const { second, substituters, said } = rig();
    const a = second.put('a');
    second.infoErrors.set(a, new StoreError('cache/disabled', 'disabled'));
    assert.equal(await substituters.find(a), undefined);
    assert.deepEqual(said(), []);
    second.infoErrors.delete(a);
    assert.equal((await substituters.find(a))?.store, second);
  });

  test('that names another path is not believed', async () => {
    const { first, substituters, said } = rig();
    const a = testPath('a');
    const b = first.put('b');
    const info = first.infos.get(b);
    assert.ok(info !== undefined);
    first.infos.set(a, info);
    assert.equal(await substituters.find(a), undefined);
    assert.deepEqual(said(), [`asked 'memory://first' for '/nix/store/${a}' but got '/nix/store/${b}'`]);
  });
});

describe('realisePaths', () => {
  test('fetches closures, each path from the first that has it', async () => {
    const { store, first, second, realise } = rig();
    const a = second.put('a');
    const b = first.put('b', [a]);
    second.put('b', [a]);
    const self = first.put('self', [b, testPath('self')], { ultimate: true });
    assert.deepEqual(await realise(self), []);
    assert.deepEqual([...store.infos.keys()].toSorted(), [a, b, self].toSorted());
    assert.deepEqual(first.streamed.toSorted(), [b, self].toSorted());
    assert.deepEqual(second.streamed, [a]);
    assert.equal(store.infos.get(self)?.ultimate, false);
  });

  test('leaves alone what is valid', async () => {
    const { store, first, realise } = rig();
    const a = store.put('a', [testPath('never-asked-for')]);
    assert.deepEqual(await realise(a), []);
    assert.deepEqual(first.asked, []);
  });

  test('says what nobody has, and fetches what does not need it', async () => {
    const { store, first, realise } = rig();
    const absent = testPath('absent');
    const a = first.put('a');
    const b = first.put('b', [a, absent]);
    const c = first.put('c');
    assert.deepEqual(messages(await realise(absent, b, c)), [
      required(absent),
      `some references of path '/nix/store/${b}' could not be realised`,
    ]);
    assert.deepEqual([...store.infos.keys()], [c]);
  });

  test('tries the next substituter for what turns out bad', async () => {
    const { store, first, second, realise, said } = rig();
    const a = first.put('a');
    const b = first.put('b', [a]);
    const c = first.put('c', [b]);
    second.put('b', [a]);
    first.contents.set(b, Buffer.from('something else'));
    assert.deepEqual(await realise(c), []);
    assert.deepEqual(said(), [`error: hash mismatch importing path '${b}'`]);
    assert.equal(store.infos.size, 3);
    assert.deepEqual(second.streamed, [b]);
    // What needed it was had from where it was had before.
    assert.deepEqual(first.streamed.toSorted(), [a, b, c].toSorted());
  });

  test('takes a NAR that is gone for one that never was there', async () => {
    const { first, realise, said } = rig();
    const a = first.put('a');
    const b = first.put('b', [a]);
    first.streamErrors.set(a, new StoreError('cache/missing-file', 'the file is gone'));
    assert.deepEqual(messages(await realise(b)), [`some references of path '/nix/store/${b}' could not be realised`]);
    assert.deepEqual(said(), ['warning: the file is gone']);
  });

  test('reports paths that are bad everywhere and needed by others', async () => {
    const { first, realise, said } = rig();
    const a = first.put('a');
    const b = first.put('b', [a]);
    first.streamErrors.set(a, new Error('cut off'));
    assert.deepEqual(messages(await realise(b)), [`some references of path '/nix/store/${b}' could not be realised`]);
    assert.deepEqual(said(), ['error: cut off', `error: ${required(a)}`]);
  });

  test('ends where paths refer to each other in a circle', async () => {
    const { first, second, realise } = rig();
    for (const substituter of [first, second]) {
      substituter.put('a', [testPath('b')]);
      substituter.put('b', [testPath('a')]);
    }
    assert.deepEqual(messages(await realise(testPath('a'))), [required(testPath('a'))]);
  });

  test('takes only what trusted keys have signed', async () => {
    const key = SecretKey.generate('k-1');
    const trust = { requireSignatures: true, trustedKeys: new Map([[key.name, key.publicKey]]) };
    const { first, second, realise, said } = rig({ trust });
    const a = first.put('a');
    const b = second.put('b', [a]);
    sign(first, a, key);
    sign(second, b, key);
    first.put('b', [testPath('absent')]);
    const c = first.put('c');
    sign(first, c, SecretKey.generate('k-1'));
    assert.deepEqual(messages(await realise(b, c)), [required(c)]);
    assert.deepEqual(
      said(),
      [b, c].map(
        path =>
          `warning: ignoring substitute for '/nix/store/${path}' from 'memory://first', as it's not signed by any of the keys in 'trusted-public-keys'`,
      ),
    );
    assert.deepEqual(second.streamed, [b]);
  });

  test('asks a trusted substituter for no signatures', async () => {
    const store = new MemoryStore();
    const trusted = new MemoryStore({ isTrusted: true });
    const { storeDir } = store;
    const trust = { requireSignatures: true, trustedKeys: new Map() };
    const substituters = new Substituters([trusted], { storeDir, trust });
    assert.deepEqual(await realisePaths(store, substituters, [trusted.put('a')]), []);
  });

  test('reports substitutions as C++ Nix does', async () => {
    const { store, first, substituters } = rig();
    const a = first.put('a');
    const { reporter, reports } = recordReports();
    await realisePaths(store, substituters, [a], { reporter });
    const starts = reports.flatMap(report =>
      report.kind === 'start' ? [[report.type, report.text, report.parent, ...report.fields]] : [],
    );
    const printed = `/nix/store/${a}`;
    assert.deepEqual(starts, [
      ['copyPaths', '', undefined],
      ['substitute', '', 0, printed, 'memory://first'],
      [
        'copyPath',
        `copying path '${printed}' from 'memory://first' to 'memory://'`,
        1,
        printed,
        'memory://first',
        'memory://',
      ],
    ]);
  });

  test('stops when it is called off', async () => {
    const { store, first, substituters } = rig();
    const signal = AbortSignal.abort(new Error('enough'));
    await assert.rejects(realisePaths(store, substituters, [first.put('a')], { signal }), /enough/);
  });
});

describe('repairPath', () => {
  test('gets contents anew, and with them what was lost of the closure', async () => {
    const { store, first, substituters } = rig();
    const a = first.put('a');
    const b = first.put('b', [a]);
    store.put('b', [a]);
    store.contents.set(b, Buffer.from('damaged'));
    await repairPath(store, substituters, b);
    assert.deepEqual(store.contents.get(b), first.contents.get(b));
    assert.ok(store.infos.has(a));
  });

  test('gives up where nobody has them', async () => {
    const { store, substituters } = rig();
    const a = store.put('a');
    await assert.rejects(repairPath(store, substituters, a), (error: unknown) => {
      assert.ok(error instanceof StoreError && error.code === 'path/irreparable');
      assert.equal(error.message, `cannot repair path '/nix/store/${a}'`);
      return true;
    });
  });
});
