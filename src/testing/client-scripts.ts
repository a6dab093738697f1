import { byteStringFromText, bytesOf, ignoreTree, silentReporter } from '../base/index.ts';
import {
  type BasicDerivation,
  FramedWriter,
  NarWriter,
  type PathInfo,
  WireWriter,
  type WorkerOperation,
  hashBytes,
  defaultStoreDir,
  makeHash,
  parseDerivingPath,
  parseStorePath,
  readOptionalStorePath,
  readPathInfo,
  readStorePath,
  readStorePaths,
  readStrings,
  readSubstitutablePathInfo,
  storePathHashPart,
  writeGcOptions,
  writePathInfo,
  writeStorePath,
  writeStorePaths,
} from '../nix-compat/index.ts';
import type { PathAddition, ServeConnection, WorkerConnection } from '../store/index.ts';
import { offerTree } from './offer-tree.ts';
import { playTree } from './trees.ts';

/** What scripts add, and ask about. */
export const scriptedPath: PathAddition = addressed('tree', 'some target');
const otherPath = addressed('other', 'another target');
const { path } = scriptedPath;
const absent = parseStorePath('g1w7hy3qg1w7hy3qg1w7hy3qg1w7hy3q-absent');
const drv = parseStorePath('g1w7hy3qg1w7hy3qg1w7hy3qg1w7hy3q-absent.drv');
const outputId = { derivationHash: hashBytes('sha256', Buffer.from('x')), output: byteStringFromText('out') };

const derivation: BasicDerivation = {
  name: byteStringFromText('absent'),
  outputs: new Map([
    [
      byteStringFromText('out'),
      { kind: 'fixed', address: { method: 'flat', hash: makeHash('sha256', Buffer.alloc(32, 7)) } },
    ],
  ]),
  inputSources: [],
  platform: byteStringFromText('no-such-system'),
  builder: byteStringFromText('/bin/sh'),
  args: [byteStringFromText('-c'), byteStringFromText('echo > $out')],
  env: new Map([[byteStringFromText('out'), byteStringFromText('/nix/store/out')]]),
};

/** Known by its contents, so that nobody need be trusted for it. */
function addressed(name: string, target: string): PathAddition {
  const addition = offerTree({ type: 'symlink', target: byteStringFromText(target) }, { name });
  const [offer] = addition.offers;
  const contentAddress = { method: 'nar', hash: offer.info.narHash } as const;
  return { ...addition, offers: [{ ...offer, info: { ...offer.info, contentAddress } }] };
}

function narOf(name: string, target: string): { readonly info: PathInfo; readonly nar: Uint8Array } {
  const writer = new WireWriter();
  playTree({ type: 'symlink', target: byteStringFromText(target) }, new NarWriter(bytes => writer.raw(bytes)));
  return { info: addressed(name, target).offers[0].info, nar: writer.take() };
}

type WorkerScript = (connection: WorkerConnection) => Promise<unknown>;

/** A request about one path whose answer is read by `read`. */
function about(
  operation: WorkerOperation,
  read: Parameters<WorkerConnection['call']>[2] = reader => reader.number(),
): WorkerScript {
  return connection => connection.call(operation, writer => writeStorePath(writer, defaultStoreDir, path), read);
}

/** A request without arguments. */
function plain(operation: WorkerOperation, read: Parameters<WorkerConnection['call']>[2]): WorkerScript {
  return connection => connection.call(operation, () => {}, read);
}

const wanted = [parseDerivingPath(defaultStoreDir, byteStringFromText(`/nix/store/${drv}!out`), '!')];
const readPaths: Parameters<WorkerConnection['call']>[2] = reader => readStorePaths(reader, defaultStoreDir);
const limits = { maxSilentTime: 0, timeout: 0, maxLogSize: 0, keepsFailed: false };

/** What a client of ours does on a connection of its own; those that come first make what the others ask about. */
export const workerScripts: Readonly<Record<string, WorkerScript>> = {
  SetOptions: connection =>
    connection.setOptions({
      keepFailed: false,
      keepGoing: true,
      tryFallback: false,
      verbosity: 3,
      maxBuildJobs: 1,
      maxSilentTime: 0,
      verboseBuild: false,
      buildCores: 2,
      useSubstitutes: false,
      overrides: new Map([
        [byteStringFromText('builders'), byteStringFromText('')],
        [byteStringFromText('max-silent-time'), byteStringFromText('10')],
        [byteStringFromText('substituters'), byteStringFromText('https://cache.example.org')],
      ]),
    }),
  AddToStoreNar: connection => connection.add(scriptedPath.offers[0], { repair: false, checkSignatures: true }),
  AddToStore: connection => {
    const frames = new WireWriter();
    new FramedWriter(bytes => frames.raw(bytes)).push(Buffer.from('hello\n'));
    frames.number(0);
    return connection.call(
      'AddToStore',
      writer => {
        for (const text of ['hello.txt', 'text:sha256']) writer.string(byteStringFromText(text));
        writeStorePaths(writer, defaultStoreDir, []);
        writer.boolean(false);
        writer.raw(frames.take());
      },
      reader => readPathInfo(reader, defaultStoreDir),
    );
  },
  AddMultipleToStore: connection => {
    const inner = new WireWriter();
    inner.number(2);
    for (const [name, target] of [
      ['first', 'one'],
      ['second', 'two'],
    ] as const) {
      const added = narOf(name, target);
      writePathInfo(inner, defaultStoreDir, added.info);
      inner.raw(added.nar);
    }
    return connection.call(
      'AddMultipleToStore',
      writer => {
        writer.boolean(false);
        writer.boolean(false);
        const frames = new FramedWriter(bytes => writer.raw(bytes));
        frames.push(inner.take());
        frames.end();
      },
      () => Promise.resolve(),
    );
  },
  AddTempRoot: about('AddTempRoot'),
  AddSignatures: connection => connection.addSignatures(path, [{ keyName: 'test-1', bytes: Buffer.alloc(64, 5) }]),
  IsValidPath: about('IsValidPath'),
  QueryPathInfo: connection => connection.pathInfos(new Set([path, absent])),
  QueryValidPaths: connection => connection.validPaths(new Set([path, absent]), false),
  QueryPathFromHashPart: connection => connection.pathFromHashPart(storePathHashPart(path)),
  QueryReferrers: about('QueryReferrers', readPaths),
  QueryValidDerivers: about('QueryValidDerivers', readPaths),
  QueryDeriver: about('QueryDeriver', reader => readOptionalStorePath(reader, defaultStoreDir)),
  QueryAllValidPaths: plain('QueryAllValidPaths', readPaths),
  QueryRealisation: connection => connection.realisation(outputId),
  QuerySubstitutablePaths: connection =>
    connection.call(
      'QuerySubstitutablePaths',
      writer => writeStorePaths(writer, defaultStoreDir, [path, absent]),
      readPaths,
    ),
  QuerySubstitutablePathInfo: about('QuerySubstitutablePathInfo', async reader =>
    (await reader.boolean()) ? readSubstitutablePathInfo(reader, defaultStoreDir) : undefined,
  ),
  QuerySubstitutablePathInfos: connection =>
    connection.call(
      'QuerySubstitutablePathInfos',
      writer => {
        writer.number(1);
        writeStorePath(writer, defaultStoreDir, absent);
        writer.string(byteStringFromText(''));
      },
      reader =>
        reader.map(
          () => readStorePath(reader, defaultStoreDir),
          () => readSubstitutablePathInfo(reader, defaultStoreDir),
        ),
    ),
  NarFromPath: async connection => {
    await connection.requestNar(path);
    await connection.readNar({ sink: ignoreTree, observe() {}, drain: () => Promise.resolve() });
  },
  AddBuildLog: connection => connection.addBuildLog(drv, bytesOf(byteStringFromText('a log\n'))),
  QueryMissing: connection => connection.missing(wanted),
  BuildPathsWithResults: connection => connection.realise([{ kind: 'opaque', path }, ...wanted], 'normal'),
  BuildPaths: connection =>
    connection.call(
      'BuildPaths',
      writer => {
        writer.list([`/nix/store/${drv}!out`], text => writer.string(byteStringFromText(text)));
        writer.number(0);
      },
      reader => reader.number(),
    ),
  BuildDerivation: connection => connection.build({ path: drv, derivation, mode: 'normal', limits }, silentReporter),
  EnsurePath: about('EnsurePath'),
  QueryDerivationOutputMap: about('QueryDerivationOutputMap', reader =>
    reader.map(
      () => reader.string(),
      () => readOptionalStorePath(reader, defaultStoreDir),
    ),
  ),
  RegisterDrvOutput: connection => connection.addRealisation({ id: outputId, path, signatures: [] }),
  FindRoots: plain('FindRoots', reader =>
    reader.list(async () => [await reader.string(), await readStorePath(reader, defaultStoreDir)]),
  ),
  AddIndirectRoot: connection =>
    connection.call(
      'AddIndirectRoot',
      writer => writer.string(byteStringFromText('/proc/nonexistent')),
      reader => reader.number(),
    ),
  AddPermRoot: connection =>
    connection.call(
      'AddPermRoot',
      writer => {
        writeStorePath(writer, defaultStoreDir, path);
        writer.string(byteStringFromText('/proc/nonexistent'));
      },
      reader => reader.string(),
    ),
  SyncWithGC: plain('SyncWithGC', reader => reader.number()),
  OptimiseStore: plain('OptimiseStore', reader => reader.number()),
  VerifyStore: connection =>
    connection.call(
      'VerifyStore',
      writer => {
        writer.boolean(true);
        writer.boolean(false);
      },
      reader => reader.boolean(),
    ),
  CollectGarbage: connection =>
    connection.call(
      'CollectGarbage',
      writer =>
        writeGcOptions(writer, defaultStoreDir, {
          action: 'return-dead',
          pathsToDelete: [],
          ignoreLiveness: false,
          maxFreed: 2n ** 64n - 1n,
        }),
      async reader => [await readStrings(reader), await reader.number(), await reader.number()],
    ),
};

export const serveScripts: Readonly<Record<string, (connection: ServeConnection) => Promise<unknown>>> = {
  AddToStoreNar: connection => connection.add(otherPath.offers[0], { repair: false, checkSignatures: false }),
  QueryValidPaths: connection => connection.validPaths(new Set([otherPath.path, absent]), false),
  QueryPathInfos: connection => connection.pathInfos(new Set([otherPath.path, absent])),
  DumpStorePath: async connection => {
    await connection.requestNar(otherPath.path);
    await connection.readNar({ sink: ignoreTree, observe() {}, drain: () => Promise.resolve() });
  },
  BuildDerivation: connection => connection.build({ path: drv, derivation, mode: 'normal', limits }),
};
