import assert from 'node:assert/strict';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { describe, test } from 'node:test';
import { byteStringFromText } from '../../base/index.ts';
import {
  type PathInfo,
  SecretKey,
  type StorePath,
  formatContentAddress,
  formatHash,
  formatSignature,
  hashBytes,
  printStorePath,
  storePathHashPart,
} from '../../nix-compat/index.ts';
import { TreeRecorder, addTestPath, openLocalStoreIn, temporaryFolder } from '../../testing/index.ts';
import { StoreError, type StoreErrorCode } from '../error.ts';
import { NixTablesStore } from './nix-tables-store.ts';

const code = (expected: StoreErrorCode) => (error: unknown) => error instanceof StoreError && error.code === expected;

/** Of what C++ Nix 2.34.8 makes, the tables and columns that are read. */
const tables = `
  CREATE TABLE ValidPaths (id INTEGER PRIMARY KEY, path TEXT, hash TEXT, registrationTime INTEGER, deriver TEXT,
    narSize INTEGER, ultimate INTEGER, sigs TEXT, ca TEXT);
  CREATE TABLE Refs (referrer INTEGER, reference INTEGER);
  CREATE TABLE DerivationOutputs (drv INTEGER, id TEXT, path TEXT);`;
const realisations =
  'CREATE TABLE Realisations (id INTEGER PRIMARY KEY, drvPath TEXT, outputName TEXT, outputPath INTEGER, signatures TEXT)';

/** Two paths of a store, as C++ Nix would have them: one refers to the other. */
async function openTables() {
  const owned = new AsyncDisposableStack();
  const folder = owned.use(temporaryFolder()).path;
  const source = owned.use(openLocalStoreIn(folder));
  const below = await addTestPath(source, 'below');
  const above = await addTestPath(source, 'above', [below]);
  const stateDir = join(folder, 'state');
  mkdirSync(join(stateDir, 'db'), { recursive: true });
  const database = owned.use(new DatabaseSync(join(stateDir, 'db', 'db.sqlite')));
  database.exec(`PRAGMA journal_mode = WAL; ${tables}`);
  const print = (path: StorePath) => printStorePath(source.storeDir, path);
  const insert = (id: number, info: PathInfo) => {
    const { path, narHash, narSize, deriver, signatures, contentAddress, references } = info;
    database
      .prepare('INSERT INTO ValidPaths VALUES (?, ?, ?, 17, ?, ?, ?, ?, ?)')
      .run(
        id,
        print(path),
        formatHash(narHash, 'base16', { prefix: true }),
        deriver === undefined ? null : print(deriver),
        narSize,
        info.ultimate === true ? 1 : null,
        signatures.length === 0 ? null : signatures.map(formatSignature).join(' '),
        contentAddress === undefined ? null : formatContentAddress(contentAddress),
      );
    for (const reference of references)
      database.prepare('INSERT INTO Refs VALUES (?, ?)').run(id, reference === path ? id : 1);
  };
  const signature = SecretKey.generate('test-1').sign(Buffer.from('something'));
  const infos: [PathInfo, PathInfo] = [
    { ...source.paths.require(below).info, registrationTime: 17, ultimate: true },
    { ...source.paths.require(above).info, registrationTime: 17, deriver: below, signatures: [signature] },
  ];
  for (const [at, info] of infos.entries()) insert(at + 1, info);
  const store = owned.use(
    new NixTablesStore({
      uri: 'local',
      storeDir: source.storeDir,
      realStoreDir: source.realStoreDir,
      stateDir,
      logDir: folder,
    }),
  );
  return { store, source, database, below, above, infos, print, [Symbol.asyncDispose]: () => owned.disposeAsync() };
}

describe('tables of C++ Nix', () => {
  test('say what is known of paths, also those that come later', async () => {
    await using opened = await openTables();
    const { store, database, below, above, infos, print } = opened;
    // Bytes, of whatever class.
    assert.deepEqual(structuredClone(await store.pathInfo(below)), structuredClone(infos[0]));
    assert.deepEqual(structuredClone(await store.pathInfo(above)), structuredClone(infos[1]));
    assert.deepEqual(await store.allPaths(), [above, below].toSorted());
    assert.deepEqual(await store.validPaths([above, below]), new Set([above, below]));
    assert.deepEqual(await store.referrers(below), [above]);
    assert.equal(await store.pathFromHashPart(storePathHashPart(above)), above);
    database.exec(
      `INSERT INTO DerivationOutputs VALUES (2, 'out', '${print(below)}'); DELETE FROM ValidPaths WHERE id = 1`,
    );
    assert.deepEqual(await store.validDerivers(below), [above]);
    assert.deepEqual(await store.knownOutputs([above]), new Map([[above, new Map([['out', below]])]]));
    assert.equal(await store.pathInfo(below), undefined);
    assert.deepEqual(await store.validPaths([above, below]), new Set([above]));
    assert.equal(await store.pathFromHashPart(storePathHashPart(below)), undefined);
  });

  test('have realisations where such derivations were ever built', async () => {
    await using opened = await openTables();
    const { store, database, above } = opened;
    const derivationHash = hashBytes('sha256', Buffer.from('a derivation'));
    const id = { derivationHash, output: byteStringFromText('out') };
    assert.equal(await store.realisation(id), undefined);
    database.exec(realisations);
    database
      .prepare("INSERT INTO Realisations VALUES (1, ?, 'out', 2, '')")
      .run(formatHash(derivationHash, 'base16', { prefix: true }));
    assert.deepEqual(await store.realisation(id), { path: above, signatures: [] });
  });

  test('lead to trees on disk, which must be what they were', async () => {
    await using opened = await openTables();
    const { store, source, above } = opened;
    const [ours, theirs] = [new TreeRecorder(), new TreeRecorder()];
    await store.streamPath(above, ours);
    await source.streamPath(above, theirs);
    assert.deepEqual(ours, theirs);
    assert.equal((await (await store.openTree(above)).lookup([]))?.type, 'directory');
    const { narHash } = opened.infos[0];
    await assert.rejects(
      store.streamPath(above, new TreeRecorder(), { expected: { narHash, narSize: 0 } }),
      code('path/hash-mismatch'),
    );
  });

  test('whose rows cannot be are refused, naming the path and the file', async () => {
    await using opened = await openTables();
    const { store, database, above, below, print } = opened;
    database.exec("UPDATE ValidPaths SET hash = 'sha256:nonsense' WHERE id = 2");
    await assert.rejects(store.pathInfo(above), (error: unknown) => {
      return code('store/corrupt')(error) && error instanceof Error && error.message.includes(print(above));
    });
    database.exec("UPDATE ValidPaths SET path = '/elsewhere' WHERE id = 1");
    await assert.rejects(store.allPaths(), code('store/corrupt'));
    assert.equal(await store.pathInfo(below), undefined);
  });
});
