import {
  NixCompatError,
  WireWriter,
  allOutputs,
  buildTraceEntryOf,
  buildTraceFeature,
  opaquePath,
  protocolVersion,
  readBasicDerivation,
  readBuildMode,
  readBuildResult,
  readBuildTraceEntry,
  readClientOptions,
  readDerivingPath,
  readGcOptions,
  readLogMessage,
  readMissingPaths,
  readOptionalContentAddress,
  readOutputId,
  readPathInfo,
  readRealisation,
  readRemoteError,
  readServeBuildOptions,
  readServeBuildResult,
  readServeCommand,
  readServePathInfo,
  readSubstitutablePathInfo,
  readWorkerOperation,
  writeBasicDerivation,
  writeBuildMode,
  writeBuildResult,
  writeBuildTraceEntry,
  writeClientOptions,
  writeDerivingPath,
  writeGcOptions,
  writeLogMessage,
  writeMissingPaths,
  writeOptionalContentAddress,
  writeOutputId,
  writePathInfo,
  writeRealisation,
  writeRemoteError,
  writeServeBuildOptions,
  writeServeBuildResult,
  writeServeCommand,
  writeServePathInfo,
  writeSubstitutablePathInfo,
  writeWorkerOperation,
  type BuildResult,
  type LogMessage,
  type WorkerContext,
} from '../../../src/nix-compat/index.ts';
import { derivations } from '../../../src/testing/index.ts';
import { type Target } from '../target.ts';
import { contentAddresses, realisations, samples, storeDir } from './seeds.ts';
import { drv, infos, text, wireTarget } from './wire-format.ts';

const context = (minor: number, ...features: string[]): WorkerContext => ({
  storeDir,
  version: protocolVersion(1, minor),
  features: new Set(features.map(text)),
});
const serve = (minor: number) => ({ storeDir, version: protocolVersion(2, minor) });

const results = (): BuildResult[] => [
  {
    outcome: { status: 'OutputRejected', message: text('no'), nonDeterministic: true },
    timesBuilt: 3,
    startTime: 30,
    stopTime: 50,
    cpuUser: 5n,
    cpuSystem: undefined,
  },
  {
    outcome: {
      status: 'Built',
      builtOutputs: new Map(
        samples(realisations, 3).map(({ id, path: of, signatures }) => [
          id.output,
          { path: of, signatures: [...signatures], derivationHash: id.derivationHash },
        ]),
      ),
    },
    timesBuilt: 1,
    startTime: 0,
    stopTime: 2 ** 40,
    cpuUser: undefined,
    cpuSystem: 7n,
  },
];

const messages: readonly LogMessage[] = [
  { kind: 'next', text: text('hello') },
  { kind: 'read', size: 4096 },
  { kind: 'write', data: Buffer.from('data') },
  { kind: 'last' },
  { kind: 'start-activity', id: 1n, level: 3, type: 105, text: text('building'), fields: [1n, text('x')], parent: 0n },
  { kind: 'stop-activity', id: 1n },
  { kind: 'result', id: 1n, type: 106, fields: [2n ** 64n - 1n, text('')] },
  { kind: 'error', error: { level: 0, message: text('bad'), traces: [text('while')], status: 1 } },
];

const logs = (minor: number): Target =>
  wireTarget<LogMessage>({
    name: `log-message-1.${minor}`,
    values: () =>
      messages.filter(
        ({ kind }) => minor >= 26 || kind === 'next' || kind === 'read' || kind === 'write' || kind === 'last',
      ),
    read: reader => readLogMessage(reader, protocolVersion(1, minor)),
    write: (writer, message) => writeLogMessage(writer, protocolVersion(1, minor), message),
  });

function basicDerivations(): Uint8Array[] {
  return samples(derivations(), 20).flatMap(derivation => {
    const writer = new WireWriter();
    try {
      writeBasicDerivation(writer, storeDir, { ...derivation, name: text('foo') });
      return [writer.take()];
    } catch (error) {
      if (error instanceof NixCompatError) return [];
      throw error;
    }
  });
}

export const wireValueTargets: readonly Target[] = [
  wireTarget({
    name: 'worker-operation',
    values: () => ['QueryPathInfo' as const, 'AddMultipleToStore' as const],
    read: readWorkerOperation,
    write: (writer, operation) => {
      if (operation !== undefined) writeWorkerOperation(writer, operation);
    },
  }),
  wireTarget({
    name: 'serve-command',
    values: () => ['BuildPaths' as const],
    read: readServeCommand,
    write: (writer, command) => {
      if (command !== undefined) writeServeCommand(writer, command);
    },
  }),
  logs(38),
  logs(20),
  wireTarget({
    name: 'remote-error',
    values: () => [{ level: 0, message: text('bad'), traces: [text('a'), text('b')], status: 1 }],
    read: reader => readRemoteError(reader, protocolVersion(1, 38)),
    write: (writer, error) => writeRemoteError(writer, protocolVersion(1, 38), error),
  }),
  wireTarget({
    name: 'path-info',
    values: infos,
    vectors: /valid-path-info/,
    read: reader => readPathInfo(reader, storeDir),
    write: (writer, info) => writePathInfo(writer, storeDir, info),
  }),
  wireTarget({
    name: 'serve-path-info',
    values: infos,
    vectors: /serve\/unkeyed/,
    read: reader => readServePathInfo(reader, storeDir),
    write: (writer, info) => writeServePathInfo(writer, serve(7), info),
  }),
  ...[27, 29, 38].map(minor =>
    wireTarget({
      name: `build-result-1.${minor}`,
      values: results,
      vectors: /worker\/build-result/,
      read: reader => readBuildResult(reader, context(minor)),
      write: (writer, result) => writeBuildResult(writer, context(minor), result),
    }),
  ),
  wireTarget({
    name: 'build-result-by-name',
    values: results,
    read: reader => readBuildResult(reader, context(38, buildTraceFeature)),
    write: (writer, result) => writeBuildResult(writer, context(38, buildTraceFeature), result),
  }),
  wireTarget({
    name: 'serve-build-result',
    values: results,
    vectors: /serve\/build-result/,
    read: reader => readServeBuildResult(reader, serve(6)),
    write: (writer, result) => writeServeBuildResult(writer, serve(6), result),
  }),
  wireTarget({
    name: 'serve-build-options',
    values: () => [
      { maxSilentTime: 1, buildTimeout: 2, maxLogSize: 3, repeats: 4, enforceDeterminism: true, keepFailed: false },
    ],
    read: reader => readServeBuildOptions(reader, protocolVersion(2, 7)),
    write: (writer, options) => writeServeBuildOptions(writer, protocolVersion(2, 7), options),
  }),
  {
    ...wireTarget({
      name: 'derivation',
      values: () => [],
      read: reader => readBasicDerivation(reader, { storeDir, name: text('foo') }),
    }),
    seeds: basicDerivations,
  },
  ...[25, 38].map(minor =>
    wireTarget({
      name: `deriving-path-1.${minor}`,
      values: () => [{ kind: 'built' as const, derivation: opaquePath(drv), outputs: allOutputs }],
      vectors: /derived-path/,
      read: reader => readDerivingPath(reader, context(minor)),
      ...(minor === 38
        ? {
            write: (writer: WireWriter, value: Awaited<ReturnType<typeof readDerivingPath>>) =>
              writeDerivingPath(writer, context(minor), value),
          }
        : {}),
    }),
  ),
  wireTarget({
    name: 'realisation',
    values: () => samples(realisations),
    vectors: /realisation/,
    read: readRealisation,
    write: writeRealisation,
  }),
  wireTarget({
    name: 'output-id',
    values: () => samples(realisations).map(({ id }) => id),
    read: readOutputId,
    write: writeOutputId,
  }),
  wireTarget({
    name: 'build-trace-entry',
    values: () => samples(realisations).map(value => buildTraceEntryOf(value, drv)),
    read: reader => readBuildTraceEntry(reader, storeDir),
    write: (writer, entry) => writeBuildTraceEntry(writer, storeDir, entry),
  }),
  wireTarget({
    name: 'content-address',
    values: () => [undefined, ...samples(contentAddresses)],
    read: readOptionalContentAddress,
    write: writeOptionalContentAddress,
  }),
  wireTarget({ name: 'build-mode', values: () => ['repair' as const], read: readBuildMode, write: writeBuildMode }),
  wireTarget({
    name: 'gc-options',
    values: () => [
      { action: 'delete-specific' as const, pathsToDelete: [drv], ignoreLiveness: true, maxFreed: 2n ** 64n - 1n },
    ],
    read: reader => readGcOptions(reader, storeDir),
    write: (writer, options) => writeGcOptions(writer, storeDir, options),
  }),
  wireTarget({
    name: 'client-options',
    values: () => [
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
        overrides: new Map([[text('a'), text('1')]]),
      },
    ],
    read: readClientOptions,
    write: writeClientOptions,
  }),
  wireTarget({
    name: 'substitutable-path-info',
    values: () =>
      infos().map(({ references, deriver, narSize }) => ({ references, deriver, narSize, downloadSize: 1 })),
    read: reader => readSubstitutablePathInfo(reader, storeDir),
    write: (writer, info) => writeSubstitutablePathInfo(writer, storeDir, info),
  }),
  wireTarget({
    name: 'missing-paths',
    values: () => [{ willBuild: [drv], willSubstitute: [], unknown: [], downloadSize: 3, narSize: 2 ** 40 }],
    read: reader => readMissingPaths(reader, storeDir),
    write: (writer, missing) => writeMissingPaths(writer, storeDir, missing),
  }),
];
