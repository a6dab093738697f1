import assert from 'node:assert/strict';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { silentReporter } from '../../base/index.ts';
import { defaultStoreDir, parseStoreDir } from '../../nix-compat/index.ts';
import { temporaryFolder } from '../../testing/index.ts';
import { type ChosenPlaces, type StoreEnvironment, localPlaces } from './local-places.ts';

const unchosen: ChosenPlaces = {
  root: undefined,
  state: undefined,
  log: undefined,
  real: undefined,
  storeDir: defaultStoreDir,
  isStoreDirChosen: false,
};

const environment = (more: Partial<StoreEnvironment>): StoreEnvironment => ({
  storeDir: '/nix/store',
  isStoreDirChosen: false,
  dataFolder: '/data',
  chosenStateDir: '/nonexistent',
  chosenLogDir: undefined,
  cacheFolder: '/cache',
  daemonSocket: '/nonexistent/socket',
  sharedDataFolder: undefined,
  isRoot: false,
  ...more,
});

describe('the places of a local store', () => {
  test('are those of the data folder for users, and the store directory itself for root', () => {
    assert.deepEqual(localPlaces(unchosen, environment({}), silentReporter), {
      dataFolder: '/data',
      logDir: '/data/log',
      realStoreDir: '/data/root/nix/store',
    });
    const root = environment({ isRoot: true, chosenLogDir: '/logs' });
    assert.deepEqual(localPlaces(unchosen, root, silentReporter), {
      dataFolder: '/data',
      logDir: '/logs',
      realStoreDir: '/nix/store',
    });
  });

  test('are what somebody chose', () => {
    const chosen = { ...unchosen, storeDir: parseStoreDir('/own/store'), isStoreDirChosen: true };
    assert.equal(localPlaces(chosen, environment({}), silentReporter).realStoreDir, '/own/store');
    const places = { ...chosen, state: '/s', log: '/l', real: '/r' };
    assert.deepEqual(localPlaces(places, environment({}), silentReporter), {
      dataFolder: '/s',
      logDir: '/l',
      realStoreDir: '/r',
    });
  });

  test('are below a root as C++ Nix lays them out', () => {
    assert.deepEqual(localPlaces({ ...unchosen, root: '/else' }, environment({}), silentReporter), {
      dataFolder: '/else/nix/var/nix',
      logDir: '/else/nix/var/log/nix',
      linkedStoreDir: '/nix/store',
      realStoreDir: '/else/nix/store',
    });
  });

  test('are private where another Nix governs the store directory, which is said once', () => {
    using folder = temporaryFolder();
    const state = join(folder.path, 'var');
    const dataFolder = join(folder.path, 'data');
    mkdirSync(join(state, 'db'), { recursive: true });
    writeFileSync(join(state, 'db', 'schema'), '10');
    const warnings: string[] = [];
    const reporter = { ...silentReporter, warn: (message: string) => warnings.push(message) };
    const root = environment({ isRoot: true, chosenStateDir: state, dataFolder });
    for (const _ of [1, 2]) {
      const { realStoreDir } = localPlaces({ ...unchosen, isStoreDirChosen: true }, root, reporter);
      assert.equal(realStoreDir, join(dataFolder, 'root/nix/store'));
      mkdirSync(realStoreDir, { recursive: true });
    }
    assert.deepEqual(warnings, [
      `'/nix/store' belongs to another Nix, whose database is in '${state}', so Firn will use '${dataFolder}/root/nix/store'`,
    ]);
  });
});
