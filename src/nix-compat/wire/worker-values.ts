import type { ByteString } from '../../base/index.ts';
import type { StoreDir } from '../store-path/store-dir.ts';
import type { StorePath } from '../store-path/store-path.ts';
import {
  badValue,
  maxInt,
  readOptionalStorePath,
  readStorePaths,
  readStringMap,
  writeOptionalStorePath,
  writeStorePaths,
  writeStringMap,
} from './wire-values.ts';
import type { WireReader } from './wire-reader.ts';
import type { WireWriter } from './wire-writer.ts';

// Each list is in the order of the numbers on the wire.

const buildModes = ['normal', 'repair', 'check'] as const;

/** Whether to build what is missing, what is missing or corrupt, or everything, to compare. */
export type BuildMode = (typeof buildModes)[number];

const gcActions = ['return-live', 'return-dead', 'delete-dead', 'delete-specific'] as const;

export type GcAction = (typeof gcActions)[number];

/** Throws `wire/bad-value`. */
export async function readBuildMode(reader: WireReader): Promise<BuildMode> {
  const mode = buildModes[await reader.number()];
  if (mode === undefined) throw badValue(reader, 'Invalid build mode');
  return mode;
}

export function writeBuildMode(writer: WireWriter, mode: BuildMode): void {
  writer.number(buildModes.indexOf(mode));
}

/** A CollectGarbage request. */
export interface GcOptions {
  readonly action: GcAction;
  /** Sorted, each once; for `delete-specific` alone. */
  readonly pathsToDelete: readonly StorePath[];
  readonly ignoreLiveness: boolean;
  /** To stop after so many bytes; 2^64 - 1 for no limit. */
  readonly maxFreed: bigint;
}

/** Throws `wire/bad-value`. */
export async function readGcOptions(reader: WireReader, storeDir: StoreDir): Promise<GcOptions> {
  const action = gcActions[await reader.number(maxInt)];
  if (action === undefined) throw badValue(reader, 'Invalid GC action');
  const options = {
    action,
    pathsToDelete: await readStorePaths(reader, storeDir),
    ignoreLiveness: await reader.boolean(),
    maxFreed: await reader.bigint(),
  };
  for (let obsolete = 0; obsolete < 3; obsolete++) await reader.number(maxInt);
  return options;
}

export function writeGcOptions(writer: WireWriter, storeDir: StoreDir, options: GcOptions): void {
  writer.number(gcActions.indexOf(options.action));
  writeStorePaths(writer, storeDir, options.pathsToDelete);
  writer.boolean(options.ignoreLiveness);
  writer.bigint(options.maxFreed);
  for (let obsolete = 0; obsolete < 3; obsolete++) writer.number(0);
}

/** A SetOptions request: the client's settings. */
export interface ClientOptions {
  readonly keepFailed: boolean;
  readonly keepGoing: boolean;
  readonly tryFallback: boolean;
  /** From 0 (error) to 7 (vomit). */
  readonly verbosity: number;
  readonly maxBuildJobs: number;
  /** In seconds; 0 for no limit. */
  readonly maxSilentTime: number;
  /** Whether the build log is shown. */
  readonly verboseBuild: boolean;
  readonly buildCores: number;
  readonly useSubstitutes: boolean;
  /** Other settings by name, in byte order. */
  readonly overrides: ReadonlyMap<ByteString, ByteString>;
}

const error = 0;
const vomit = 7;

export async function readClientOptions(reader: WireReader): Promise<ClientOptions> {
  const keepFailed = await reader.boolean();
  const keepGoing = await reader.boolean();
  const tryFallback = await reader.boolean();
  const verbosity = await reader.number(maxInt);
  const maxBuildJobs = await reader.number(maxInt);
  const maxSilentTime = await reader.number(maxInt);
  await reader.number(maxInt); // whether to use the build hook, obsolete
  const verboseBuild = (await reader.number(maxInt)) === error;
  await reader.number(maxInt); // kind of log, obsolete
  await reader.number(maxInt); // whether to print the build trace, obsolete
  return {
    keepFailed,
    keepGoing,
    tryFallback,
    verbosity,
    maxBuildJobs,
    maxSilentTime,
    verboseBuild,
    buildCores: await reader.number(maxInt),
    useSubstitutes: await reader.boolean(),
    overrides: await readStringMap(reader),
  };
}

export function writeClientOptions(writer: WireWriter, options: ClientOptions): void {
  writer.boolean(options.keepFailed);
  writer.boolean(options.keepGoing);
  writer.boolean(options.tryFallback);
  writer.number(options.verbosity);
  writer.number(options.maxBuildJobs);
  writer.number(options.maxSilentTime);
  writer.boolean(true); // whether to use the build hook, obsolete
  writer.number(options.verboseBuild ? error : vomit);
  writer.number(0); // kind of log, obsolete
  writer.number(0); // whether to print the build trace, obsolete
  writer.number(options.buildCores);
  writer.boolean(options.useSubstitutes);
  writeStringMap(writer, options.overrides);
}

/** What a substituter would deliver for a path. */
export interface SubstitutablePathInfo {
  readonly deriver: StorePath | undefined;
  /** Sorted, each once. */
  readonly references: readonly StorePath[];
  /** In bytes, as the next; 0 if unknown. */
  readonly downloadSize: number;
  readonly narSize: number;
}

export async function readSubstitutablePathInfo(
  reader: WireReader,
  storeDir: StoreDir,
): Promise<SubstitutablePathInfo> {
  return {
    deriver: await readOptionalStorePath(reader, storeDir),
    references: await readStorePaths(reader, storeDir),
    downloadSize: await reader.number(),
    narSize: await reader.number(),
  };
}

export function writeSubstitutablePathInfo(writer: WireWriter, storeDir: StoreDir, info: SubstitutablePathInfo): void {
  writeOptionalStorePath(writer, storeDir, info.deriver);
  writeStorePaths(writer, storeDir, info.references);
  writer.number(info.downloadSize);
  writer.number(info.narSize);
}

/** The answer to QueryMissing: what realising something would take. Paths are sorted, each once. */
export interface MissingPaths {
  readonly willBuild: readonly StorePath[];
  readonly willSubstitute: readonly StorePath[];
  readonly unknown: readonly StorePath[];
  /** In bytes, as the next. */
  readonly downloadSize: number;
  readonly narSize: number;
}

export async function readMissingPaths(reader: WireReader, storeDir: StoreDir): Promise<MissingPaths> {
  return {
    willBuild: await readStorePaths(reader, storeDir),
    willSubstitute: await readStorePaths(reader, storeDir),
    unknown: await readStorePaths(reader, storeDir),
    downloadSize: await reader.number(),
    narSize: await reader.number(),
  };
}

export function writeMissingPaths(writer: WireWriter, storeDir: StoreDir, missing: MissingPaths): void {
  writeStorePaths(writer, storeDir, missing.willBuild);
  writeStorePaths(writer, storeDir, missing.willSubstitute);
  writeStorePaths(writer, storeDir, missing.unknown);
  writer.number(missing.downloadSize);
  writer.number(missing.narSize);
}
