import { type ByteString, brandAs } from '../../base/index.ts';
import { mapInByteOrder } from '../byte-order.ts';
import type { OutputName } from '../derivation/derivation.ts';
import { type NixHash, zeroHash } from '../hash/hash.ts';
import type { RealisedOutput } from '../realisation/realisation.ts';
import type { StoreDir } from '../store-path/store-dir.ts';
import { badValue, maxInt } from './wire-values.ts';
import { protocolVersion } from './protocol-version.ts';
import { type WireContext, type WorkerContext, buildTraceFeature } from './wire-context.ts';
import {
  readOutputId,
  readRealisation,
  readRealisedOutput,
  writeOutputId,
  writeRealisation,
  writeRealisedOutput,
} from './wire-realisation.ts';
import type { WireReader } from './wire-reader.ts';
import type { WireWriter } from './wire-writer.ts';

/** How building or substituting something went. */
export interface BuildResult {
  readonly outcome: BuildSuccess | BuildFailure;
  /** How often it was built. */
  readonly timesBuilt: number;
  /** Of the last build, in seconds since 1970, as the next; 0 if there was none. */
  readonly startTime: number;
  readonly stopTime: number;
  /** In microseconds, as the next. */
  readonly cpuUser: bigint | undefined;
  readonly cpuSystem: bigint | undefined;
}

export interface BuildSuccess {
  readonly status: BuildSuccessStatus;
  /** In byte order of the outputs' names. */
  readonly builtOutputs: ReadonlyMap<OutputName, BuiltOutput>;
}

export interface BuiltOutput extends RealisedOutput {
  /** The derivation's, modulo; undefined if the peer names derivations by their paths. */
  readonly derivationHash: NixHash | undefined;
}

export interface BuildFailure {
  readonly status: BuildFailureStatus;
  readonly message: ByteString;
  /** Whether several builds differed. */
  readonly nonDeterministic: boolean;
}

/** In the order of their numbers on the wire. */
const statuses = [
  'Built',
  'Substituted',
  'AlreadyValid',
  'PermanentFailure',
  'InputRejected',
  'OutputRejected',
  'TransientFailure',
  'CachedFailure',
  'TimedOut',
  'MiscFailure',
  'DependencyFailed',
  'LogLimitExceeded',
  'NotDeterministic',
  'ResolvesToAlreadyValid',
  'NoSubstituters',
] as const;

type WireStatus = (typeof statuses)[number];

const successStatuses = ['Built', 'Substituted', 'AlreadyValid', 'ResolvesToAlreadyValid'] as const;

export type BuildSuccessStatus = (typeof successStatuses)[number];

/** `HashMismatch` has no number: it is sent as `OutputRejected`. */
export type BuildFailureStatus = Exclude<WireStatus, BuildSuccessStatus> | 'HashMismatch';

export function isBuildSuccess(outcome: BuildSuccess | BuildFailure): outcome is BuildSuccess {
  return 'builtOutputs' in outcome;
}

const noText = brandAs<ByteString>('');

/** What a version of a protocol sends of a result. */
interface ResultForm {
  readonly storeDir: StoreDir;
  readonly times: boolean;
  readonly cpu: boolean;
  /** With the derivation's hash (Nix 2.4 to 2.34) or the output's name alone. */
  readonly outputs: 'none' | 'by hash' | 'by name';
}

const workerTimesSince = protocolVersion(1, 29);
const workerCpuSince = protocolVersion(1, 37);
const workerOutputsSince = protocolVersion(1, 28);

function workerForm({ storeDir, version, features }: WorkerContext): ResultForm {
  const outputs = features.has(buildTraceFeature) ? 'by name' : version >= workerOutputsSince ? 'by hash' : 'none';
  return { storeDir, times: version >= workerTimesSince, cpu: version >= workerCpuSince, outputs };
}

const serveTimesSince = protocolVersion(2, 3);
const serveOutputsSince = protocolVersion(2, 6);
const serveOutputsByNameSince = protocolVersion(2, 8);

function serveForm({ storeDir, version }: WireContext): ResultForm {
  const outputs = version >= serveOutputsByNameSince ? 'by name' : version >= serveOutputsSince ? 'by hash' : 'none';
  return { storeDir, times: version >= serveTimesSince, cpu: false, outputs };
}

/** Throws `wire/bad-value` or as `readRealisation`. What the version does not have is 0, undefined or empty. */
export function readBuildResult(reader: WireReader, context: WorkerContext): Promise<BuildResult> {
  return readResult(reader, workerForm(context));
}

export function writeBuildResult(writer: WireWriter, context: WorkerContext, result: BuildResult): void {
  writeResult(writer, workerForm(context), result);
}

/** As `readBuildResult`. */
export function readServeBuildResult(reader: WireReader, context: WireContext): Promise<BuildResult> {
  return readResult(reader, serveForm(context));
}

export function writeServeBuildResult(writer: WireWriter, context: WireContext, result: BuildResult): void {
  writeResult(writer, serveForm(context), result);
}

async function readResult(reader: WireReader, form: ResultForm): Promise<BuildResult> {
  const number = await reader.number(maxInt);
  const status = statuses[number];
  if (status === undefined) throw badValue(reader, `Invalid BuildResult status ${number} from remote`);
  const message = await reader.string();
  const timesBuilt = form.times ? await reader.number(maxInt) : 0;
  const nonDeterministic = form.times && (await reader.boolean());
  const startTime = form.times ? await reader.number() : 0;
  const stopTime = form.times ? await reader.number() : 0;
  const cpuUser = form.cpu ? await readOptionalMicroseconds(reader) : undefined;
  const cpuSystem = form.cpu ? await readOptionalMicroseconds(reader) : undefined;
  const builtOutputs = await readBuiltOutputs(reader, form);
  // Both kinds of outcome have the fields of either on the wire.
  const outcome = isSuccessStatus(status) ? { status, builtOutputs } : { status, message, nonDeterministic };
  return { outcome, timesBuilt, startTime, stopTime, cpuUser, cpuSystem };
}

function isSuccessStatus(status: WireStatus): status is BuildSuccessStatus {
  return successStatuses.some(success => success === status);
}

function writeResult(writer: WireWriter, form: ResultForm, result: BuildResult): void {
  const { outcome } = result;
  const success = isBuildSuccess(outcome);
  writer.number(statuses.indexOf(outcome.status === 'HashMismatch' ? 'OutputRejected' : outcome.status));
  writer.string(success ? noText : outcome.message);
  if (form.times) {
    writer.number(result.timesBuilt);
    writer.boolean(!success && outcome.nonDeterministic);
    writer.number(result.startTime);
    writer.number(result.stopTime);
  }
  if (form.cpu) {
    writeOptionalMicroseconds(writer, result.cpuUser);
    writeOptionalMicroseconds(writer, result.cpuSystem);
  }
  writeBuiltOutputs(writer, form, success ? outcome.builtOutputs : new Map());
}

async function readBuiltOutputs(reader: WireReader, form: ResultForm): Promise<ReadonlyMap<OutputName, BuiltOutput>> {
  const outputs = new Map<OutputName, BuiltOutput>();
  const count = form.outputs === 'none' ? 0 : await reader.number();
  for (let at = 0; at < count; at++) {
    if (form.outputs === 'by name') {
      const output = await reader.string();
      outputs.set(output, { ...(await readRealisedOutput(reader, form.storeDir)), derivationHash: undefined });
    } else {
      const { derivationHash, output } = await readOutputId(reader);
      const { path, signatures } = await readRealisation(reader);
      outputs.set(output, { path, signatures, derivationHash });
    }
  }
  return mapInByteOrder(outputs);
}

function writeBuiltOutputs(writer: WireWriter, form: ResultForm, outputs: ReadonlyMap<OutputName, BuiltOutput>): void {
  if (form.outputs === 'none') return;
  writer.number(outputs.size);
  for (const [output, built] of mapInByteOrder(outputs)) {
    if (form.outputs === 'by name') {
      writer.string(output);
      writeRealisedOutput(writer, form.storeDir, built);
    } else {
      // Who does not know the hash sends some: a peer of this age needs one, but looks at the name alone.
      const id = { derivationHash: built.derivationHash ?? zeroHash('sha256'), output };
      writeOutputId(writer, id);
      writeRealisation(writer, { id, path: built.path, signatures: built.signatures });
    }
  }
}

/** Throws `wire/bad-value`. */
async function readOptionalMicroseconds(reader: WireReader): Promise<bigint | undefined> {
  const tag = await reader.number();
  if (tag > 1) throw badValue(reader, 'Invalid optional tag from remote');
  return tag === 0 ? undefined : reader.bigint();
}

function writeOptionalMicroseconds(writer: WireWriter, time: bigint | undefined): void {
  writer.boolean(time !== undefined);
  if (time !== undefined) writer.bigint(time);
}
