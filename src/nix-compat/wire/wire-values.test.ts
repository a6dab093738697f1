import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import * as fc from 'fast-check';
import { type ByteString, byteStringFromLatin1, byteStringFromText } from '../../base/index.ts';
import { hexVectors, inPieces } from '../../testing/index.ts';
import {
  type BasicDerivation,
  type BuildResult,
  type DerivingPath,
  NixCompatError,
  type PathInfo,
  type UnkeyedPathInfo,
  WireReader,
  WireWriter,
  type WorkerContext,
  buildTraceFeature,
  defaultStoreDir,
  hashBytes,
  parseHash,
  parseSignature,
  parseStorePath,
  protocolVersion,
  readBasicDerivation,
  readBuildMode,
  readBuildResult,
  readBuildTraceEntry,
  readClientOptions,
  readDerivingPath,
  readGcOptions,
  readMissingPaths,
  readOptionalContentAddress,
  readOptionalStorePath,
  readOutputId,
  readPathInfo,
  readRealisation,
  readServeBuildOptions,
  readServeBuildResult,
  readServePathInfo,
  readStorePath,
  readStorePaths,
  readSubstitutablePathInfo,
  writeBasicDerivation,
  writeBuildMode,
  writeBuildResult,
  writeBuildTraceEntry,
  writeClientOptions,
  writeDerivingPath,
  writeGcOptions,
  writeMissingPaths,
  writeOptionalContentAddress,
  writeOptionalStorePath,
  writeOutputId,
  writePathInfo,
  writeRealisation,
  writeServeBuildOptions,
  writeServeBuildResult,
  writeServePathInfo,
  writeStorePath,
  writeSubstitutablePathInfo,
} from '../index.ts';

const vector = hexVectors('wire/protocols.json');
const storeDir = defaultStoreDir;
const text = byteStringFromText;

/** How a value is written and read. */
interface Codec<T> {
  readonly write: (writer: WireWriter, value: T) => void;
  readonly read: (reader: WireReader) => Promise<T>;
}

function written<T>({ write }: Codec<T>, values: readonly T[]): Uint8Array {
  const writer = new WireWriter();
  for (const value of values) write(writer, value);
  return writer.take();
}

async function readAll<T>({ read }: Codec<T>, bytes: Uint8Array, count: number): Promise<T[]> {
  const reader = new WireReader(inPieces(bytes, 13));
  const values: T[] = [];
  for (let at = 0; at < count; at++) values.push(await read(reader));
  assert(await reader.atEnd());
  return values;
}

/** That `values` are written as `bytes` and read from them. */
async function check<T>(codec: Codec<T>, values: readonly T[], bytes: Uint8Array): Promise<void> {
  assert.equal(Buffer.from(written(codec, values)).toString('hex'), Buffer.from(bytes).toString('hex'));
  assert.deepEqual(await readAll(codec, bytes, values.length), values);
}

function worker(minor: number, ...features: readonly ByteString[]): WorkerContext {
  return { storeDir, version: protocolVersion(1, minor), features: new Set(features) };
}

const foo = parseStorePath('g1w7hy3qg1w7hy3qg1w7hy3qg1w7hy3q-foo');
const bar = parseStorePath('g1w7hy3qg1w7hy3qg1w7hy3qg1w7hy3q-bar');
const barDrv = parseStorePath('g1w7hy3qg1w7hy3qg1w7hy3qg1w7hy3q-bar.drv');
const narHash = parseHash('sha256-FePFYIlMuycIXPZbWi7LGEiMmZSX9FMbaQenWBzm1Sc=');
const zeros = 'A'.repeat(86);
const fakeSignatures = ['fake-sig-1', 'fake-sig-2'].map(name => parseSignature(`${name}:${zeros}==`));

describe('values as C++ Nix sends them', () => {
  test('store paths', () =>
    check<typeof foo | undefined>(
      {
        read: reader => readOptionalStorePath(reader, storeDir),
        write: (writer, path) => writeOptionalStorePath(writer, storeDir, path),
      },
      [undefined, parseStorePath('g1w7hy3qg1w7hy3qg1w7hy3qg1w7hy3q-foo-bar')],
      vector('worker/optional-store-path'),
    ));

  test('content addresses', () =>
    check(
      { read: readOptionalContentAddress, write: writeOptionalContentAddress },
      [
        { method: 'text' as const, hash: hashBytes('sha256', Buffer.from('Derive(...)')) },
        { method: 'flat' as const, hash: hashBytes('sha1', Buffer.from('blob blob...')) },
        { method: 'nar' as const, hash: hashBytes('sha256', Buffer.from('(...)')) },
      ],
      vector('worker/content-address'),
    ));

  test('build modes', () =>
    check({ read: readBuildMode, write: writeBuildMode }, ['normal', 'repair', 'check'], vector('worker/build-mode')));

  const opaque: DerivingPath = { kind: 'opaque', path: foo };
  const all: DerivingPath = { kind: 'built', derivation: { kind: 'opaque', path: barDrv }, outputs: { kind: 'all' } };
  const some: DerivingPath = { ...all, outputs: { kind: 'names', names: [text('x'), text('y')] } };
  const derivingPaths = (minor: number): Codec<DerivingPath> => ({
    read: reader => readDerivingPath(reader, worker(minor)),
    write: (writer, path) => writeDerivingPath(writer, worker(minor), path),
  });

  test('deriving paths before 1.30', () =>
    check(derivingPaths(29), [opaque, all, some], vector('worker/derived-path-1.29')));

  test('deriving paths', () => {
    const derivation: DerivingPath = { kind: 'opaque', path: parseStorePath(`${foo}.drv`) };
    return check(derivingPaths(30), [opaque, derivation, all, some], vector('worker/derived-path-1.30'));
  });

  test('deriving paths that older protocols cannot say', () => {
    const nested: DerivingPath = {
      ...some,
      derivation: { kind: 'built', derivation: { kind: 'opaque', path: barDrv }, output: text('out') },
    };
    for (const path of [nested, { kind: 'opaque' as const, path: barDrv }])
      assert.throws(() => written(derivingPaths(29), [path]), { code: 'wire/unsupported-by-peer' });
    return check(derivingPaths(30), [nested], written(derivingPaths(30), [nested]));
  });

  const quux = parseHash('sha256-b4afnqKCO9oWXgYHb9DeQ2berSwOjS27rSd9TxXDc/U=');

  test('output ids', () =>
    check(
      { read: readOutputId, write: writeOutputId },
      [
        { derivationHash: narHash, output: text('baz') },
        { derivationHash: quux, output: text('quux') },
      ],
      vector('worker/drv-output'),
    ));

  const id = { derivationHash: narHash, output: text('baz') };
  const signatures = ['asdf', 'qwer'].map(keyName => parseSignature(`${keyName}:${zeros}==`));

  test('realisations', () =>
    check(
      { read: readRealisation, write: writeRealisation },
      [
        { id, path: foo, signatures: [] },
        { id, path: foo, signatures },
      ],
      vector('worker/realisation'),
    ));

  test('realisations with dependencies, which are forgotten', async () => {
    const reader = new WireReader([vector('worker/realisation-with-deps')]);
    assert.deepEqual(await readRealisation(reader), { id, path: foo, signatures });
  });

  const infos: readonly PathInfo[] = [
    {
      path: bar,
      narHash,
      narSize: 34878,
      references: [],
      deriver: undefined,
      registrationTime: 23423,
      ultimate: true,
      signatures: [],
      contentAddress: undefined,
    },
    {
      path: bar,
      narHash,
      narSize: 34878,
      references: [bar, parseStorePath('g1w7hyyyy1w7hy3qg1w7hy3qgqqqqy3q-foo')],
      deriver: barDrv,
      registrationTime: 23423,
      ultimate: false,
      signatures: fakeSignatures,
      contentAddress: undefined,
    },
    {
      path: parseStorePath('n5wkd9frr45pa74if5gpz9j7mifg27fh-foo'),
      narHash,
      narSize: 34878,
      references: [bar, parseStorePath('n5wkd9frr45pa74if5gpz9j7mifg27fh-foo')],
      deriver: undefined,
      registrationTime: 23423,
      ultimate: false,
      signatures: [],
      contentAddress: { method: 'nar', hash: hashBytes('sha256', Buffer.from('(...)')) },
    },
  ];

  test('path infos', () =>
    check(
      {
        read: reader => readPathInfo(reader, storeDir),
        write: (writer, info) => writePathInfo(writer, storeDir, info),
      },
      infos,
      vector('worker/valid-path-info-1.16'),
    ));

  const serveInfos: readonly UnkeyedPathInfo[] = [
    {
      narHash,
      narSize: 34878,
      references: [parseStorePath('g1w7hyyyy1w7hy3qg1w7hy3qgqqqqy3q-foo.drv')],
      deriver: barDrv,
      signatures: [],
      contentAddress: undefined,
    },
    {
      narHash,
      narSize: 34878,
      references: [bar, parseStorePath('n5wkd9frr45pa74if5gpz9j7mifg27fh-foo')],
      deriver: barDrv,
      signatures: fakeSignatures,
      contentAddress: { method: 'nar', hash: hashBytes('sha256', Buffer.from('(...)')) },
    },
  ];

  test('path infos of the serve protocol', () =>
    check(
      {
        read: reader => readServePathInfo(reader, storeDir),
        write: (writer, info) => writeServePathInfo(writer, { storeDir, version: protocolVersion(2, 4) }, info),
      },
      serveInfos,
      vector('serve/unkeyed-valid-path-info-2.4'),
    ));

  test('path infos for an old client of the serve protocol', () => {
    const old: Codec<UnkeyedPathInfo> = {
      read: () => assert.fail(),
      write: (writer, info) => writeServePathInfo(writer, { storeDir, version: protocolVersion(2, 3) }, info),
    };
    const [first] = serveInfos;
    assert(first !== undefined);
    const bare = { ...first, deriver: undefined, references: [] };
    assert.deepEqual(written(old, [bare, first]), vector('serve/unkeyed-valid-path-info-2.3'));
  });
});

const unknown = { timesBuilt: 0, startTime: 0, stopTime: 0, cpuUser: undefined, cpuSystem: undefined };
const message = text('no idea why');
const times = { startTime: 30, stopTime: 50 };
const derivationHash = parseHash('sha256-b4afnqKCO9oWXgYHb9DeQ2berSwOjS27rSd9TxXDc/U=');
const builtOutputs = new Map([
  [text('bar'), { path: bar, signatures: [], derivationHash }],
  [text('foo'), { path: foo, signatures: [], derivationHash }],
]);
const rejected: BuildResult = {
  ...unknown,
  outcome: { status: 'OutputRejected', message, nonDeterministic: false },
};
const differing: BuildResult = {
  ...unknown,
  outcome: { status: 'NotDeterministic', message, nonDeterministic: false },
};
const differingTwice: BuildResult = {
  ...unknown,
  ...times,
  outcome: { status: 'NotDeterministic', message, nonDeterministic: true },
  timesBuilt: 3,
};
const built: BuildResult = { ...unknown, outcome: { status: 'Built', builtOutputs: new Map() } };
const builtFoo: BuildResult = { ...unknown, outcome: { status: 'Built', builtOutputs } };
const builtOnce: BuildResult = { ...builtFoo, ...times, timesBuilt: 1 };
const measured: BuildResult = { ...builtOnce, cpuUser: 500_000_000n, cpuSystem: 604_000_000n };

function workerResults(context: WorkerContext): Codec<BuildResult> {
  return {
    read: reader => readBuildResult(reader, context),
    write: (writer, result) => writeBuildResult(writer, context, result),
  };
}

function serveResults(minor: number): Codec<BuildResult> {
  const context = { storeDir, version: protocolVersion(2, minor) };
  return {
    read: reader => readServeBuildResult(reader, context),
    write: (writer, result) => writeServeBuildResult(writer, context, result),
  };
}

describe('build results', () => {
  for (const [minor, results] of [
    [27, [rejected, differing, built]],
    [28, [rejected, differing, builtFoo]],
    [29, [rejected, differingTwice, builtOnce]],
    [37, [rejected, differingTwice, measured]],
  ] as const)
    test(`of worker protocol 1.${minor} are those of C++ Nix`, () =>
      check(workerResults(worker(minor)), results, vector(`worker/build-result-1.${minor}`)));

  for (const [minor, results] of [
    [2, [rejected, differing, built]],
    [3, [rejected, differingTwice, { ...built, ...times }]],
    [6, [rejected, differingTwice, builtOnce]],
  ] as const)
    test(`of serve protocol 2.${minor} are those of C++ Nix`, () =>
      check(serveResults(minor), results, vector(`serve/build-result-2.${minor}`)));

  test('with their paths are those of C++ Nix', async () => {
    const reader = new WireReader([vector('worker/keyed-build-result-1.29')]);
    const context = worker(29);
    const read = [];
    for (let at = 0; at < 2; at++)
      read.push([await readDerivingPath(reader, context), await readBuildResult(reader, context)]);
    assert.deepEqual(read, [
      [{ kind: 'opaque', path: parseStorePath('g1w7hy3qg1w7hy3qg1w7hy3qg1w7hy3q-xxx') }, rejected],
      [
        {
          kind: 'built',
          derivation: { kind: 'opaque', path: barDrv },
          outputs: { kind: 'names', names: [text('out')] },
        },
        differingTwice,
      ],
    ]);
    assert(await reader.atEnd());
  });

  test('name outputs without hashes for a peer of Nix 2.35', async () => {
    const outputs = new Map([[text('out'), { path: foo, signatures: fakeSignatures, derivationHash: undefined }]]);
    const result: BuildResult = { ...built, outcome: { status: 'Substituted', builtOutputs: outputs } };
    for (const codec of [workerResults(worker(38, buildTraceFeature)), serveResults(8)])
      await check(codec, [result], written(codec, [result]));
  });

  test('without a hash are sent with some to an older peer', async () => {
    const outputs = new Map([[text('out'), { path: foo, signatures: [], derivationHash: undefined }]]);
    const result: BuildResult = { ...built, outcome: { status: 'Built', builtOutputs: outputs } };
    const codec = serveResults(6);
    const [read] = await readAll(codec, written(codec, [result]), 1);
    assert(read !== undefined && 'builtOutputs' in read.outcome);
    assert.equal(read.outcome.builtOutputs.get(text('out'))?.path, foo);
  });

  test('send a hash mismatch as a rejected output', async () => {
    const codec = workerResults(worker(38));
    const mismatch: BuildResult = {
      ...rejected,
      outcome: { status: 'HashMismatch', message, nonDeterministic: false },
    };
    assert.deepEqual(await readAll(codec, written(codec, [mismatch]), 1), [rejected]);
  });

  test('refuse an unknown status', async () => {
    const writer = new WireWriter();
    writer.number(15);
    await assert.rejects(readBuildResult(new WireReader([writer.take()]), worker(38)), {
      code: 'wire/bad-value',
      message: 'Invalid BuildResult status 15 from remote',
      offset: 0,
    });
  });

  test('take or refuse any mutation with a NixCompatError', async () => {
    const codec = workerResults(worker(38));
    const bytes = written(codec, [measured, differingTwice]);
    await fc.assert(
      fc.asyncProperty(fc.nat(bytes.length - 1), fc.nat(255), async (at, byte) => {
        const changed = Uint8Array.from(bytes);
        changed[at] = byte;
        const reader = new WireReader([changed]);
        try {
          await codec.read(reader);
          await codec.read(reader);
        } catch (error) {
          assert(error instanceof NixCompatError, String(error));
        }
      }),
    );
  });
});

describe('other values', () => {
  /** That what is written is read. */
  async function checkSelf<T>(codec: Codec<T>, ...values: readonly T[]): Promise<void> {
    await check(codec, values, written(codec, values));
  }

  test('entries of the build trace', () =>
    checkSelf(
      {
        read: reader => readBuildTraceEntry(reader, storeDir),
        write: (writer, entry) => writeBuildTraceEntry(writer, storeDir, entry),
      },
      { key: { derivation: barDrv, output: text('out') }, path: foo, signatures: fakeSignatures },
    ));

  test('options of a client', () =>
    checkSelf(
      { read: readClientOptions, write: writeClientOptions },
      {
        keepFailed: true,
        keepGoing: false,
        tryFallback: true,
        verbosity: 3,
        maxBuildJobs: 8,
        maxSilentTime: 60,
        verboseBuild: true,
        buildCores: 4,
        useSubstitutes: true,
        overrides: new Map([
          [text('a'), text('1')],
          [text('b'), text('2')],
        ]),
      },
    ));

  test('requests to collect garbage', () =>
    checkSelf(
      {
        read: reader => readGcOptions(reader, storeDir),
        write: (writer, options) => writeGcOptions(writer, storeDir, options),
      },
      { action: 'return-dead', pathsToDelete: [], ignoreLiveness: false, maxFreed: 2n ** 64n - 1n },
      { action: 'delete-specific', pathsToDelete: [bar, foo], ignoreLiveness: true, maxFreed: 0n },
    ));

  test('what a substituter has', () =>
    checkSelf(
      {
        read: reader => readSubstitutablePathInfo(reader, storeDir),
        write: (writer, info) => writeSubstitutablePathInfo(writer, storeDir, info),
      },
      { deriver: undefined, references: [bar, foo], downloadSize: 1, narSize: 2 },
    ));

  test('what is missing', () =>
    checkSelf(
      {
        read: reader => readMissingPaths(reader, storeDir),
        write: (writer, missing) => writeMissingPaths(writer, storeDir, missing),
      },
      { willBuild: [barDrv], willSubstitute: [bar], unknown: [foo], downloadSize: 3, narSize: 2 ** 40 },
    ));

  for (const [minor, expected] of [
    [1, { maxLogSize: 0, repeats: 0, enforceDeterminism: false, keepFailed: false }],
    [2, { maxLogSize: 7, repeats: 0, enforceDeterminism: false, keepFailed: false }],
    [3, { maxLogSize: 7, repeats: 8, enforceDeterminism: true, keepFailed: false }],
    [7, { maxLogSize: 7, repeats: 8, enforceDeterminism: false, keepFailed: true }],
  ] as const)
    test(`build options of serve protocol 2.${minor} are those of C++ Nix`, () =>
      check(
        {
          read: reader => readServeBuildOptions(reader, protocolVersion(2, minor)),
          write: (writer, options) => writeServeBuildOptions(writer, protocolVersion(2, minor), options),
        },
        [{ maxSilentTime: 5, buildTimeout: 6, ...expected }],
        vector(`serve/build-options-2.${minor}`),
      ));

  const derivation: BasicDerivation = {
    name: text('foo'),
    outputs: new Map([
      [text('fixed'), { kind: 'fixed', address: { method: 'nar', hash: narHash } }],
      [text('floating'), { kind: 'floating', method: 'nar', algorithm: 'sha256' }],
      [text('impure'), { kind: 'impure', method: 'flat', algorithm: 'sha1' }],
      [text('later'), { kind: 'deferred' }],
      [text('out'), { kind: 'input-addressed', path: foo }],
    ]),
    inputSources: [bar, foo],
    platform: text('x86_64-linux'),
    builder: text('/bin/sh'),
    args: ['-c', 'echo hi', ''].map(text),
    env: new Map([
      [text('name'), text('foo')],
      [text('out'), text('/nix/store/…')],
    ]),
  };
  const derivations: Codec<BasicDerivation> = {
    read: reader => readBasicDerivation(reader, { storeDir, name: text('foo') }),
    write: (writer, value) => writeBasicDerivation(writer, storeDir, value),
  };

  test('derivations', () => checkSelf(derivations, derivation));

  test('derivations with structured attributes', () =>
    checkSelf(derivations, { ...derivation, structuredAttrs: new Map([[text('a'), [1n, text('b')]]]) }));

  const refusals: readonly [
    why: string,
    code: string,
    read: (reader: WireReader) => Promise<unknown>,
    words: readonly (number | string)[],
  ][] = [
    ['a build mode', 'wire/bad-value', readBuildMode, [3]],
    ['an action of the garbage collector', 'wire/bad-value', reader => readGcOptions(reader, storeDir), [4]],
    ['a path outside the store', 'store-path/not-in-store', reader => readStorePath(reader, storeDir), ['/etc/passwd']],
    ['a content address', 'content-address/malformed', readOptionalContentAddress, ['sha256']],
    ['a realisation that is no JSON', 'json/syntax', readRealisation, ['{']],
  ];
  for (const [why, code, read, words] of refusals)
    test(`refuse ${why}`, async () => {
      const writer = new WireWriter();
      for (const word of words) {
        if (typeof word === 'number') writer.number(word);
        else writer.string(byteStringFromLatin1(word));
      }
      await assert.rejects(read(new WireReader([writer.take()])), { name: 'NixCompatError', code });
    });

  test('sets are accepted in any order', async () => {
    const writer = new WireWriter();
    writer.list([foo, bar, foo], path => writeStorePath(writer, storeDir, path));
    assert.deepEqual(await readStorePaths(new WireReader([writer.take()]), storeDir), [bar, foo]);
  });
});
