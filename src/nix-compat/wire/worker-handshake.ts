import { type ByteString, byteStringFromText } from '../../base/index.ts';
import { NixCompatError } from '../error.ts';
import { type ProtocolVersion, formatProtocolVersion, majorVersion, protocolVersion } from './protocol-version.ts';
import type { WorkerProtocol } from './wire-context.ts';
import type { WireReader } from './wire-reader.ts';
import { WireWriter } from './wire-writer.ts';

const clientMagic = 0x6e697863;
const serverMagic = 0x6478696f;

/** What C++ Nix 2.34 offers. */
export const latestWorkerProtocol: WorkerProtocol = { version: protocolVersion(1, 38), features: new Set() };

/** What builders are offered, as C++ Nix from 2.35 on names it. */
export const workerFeatures = {
  /** `AddToStoreScanning` */
  addScanned: byteStringFromText('add-to-store-scanning'),
  /** `SubmitOutput` */
  submit: byteStringFromText('submit-output'),
  /** `SetOptions` does nothing. */
  noSettings: byteStringFromText('disable-set-options'),
} as const;

/** What our clients ask for. */
export const clientWorkerProtocol: WorkerProtocol = {
  ...latestWorkerProtocol,
  features: new Set(Object.values(workerFeatures)),
};

/** The oldest version that C++ Nix 2.34, and Firn, still speak. */
export const oldestWorkerVersion: ProtocolVersion = protocolVersion(1, 18);

/** What a daemon says of itself when a client connects. */
export interface DaemonInfo {
  /** Of the software; undefined before 1.33. */
  readonly version: ByteString | undefined;
  /** Whether it trusts the client; undefined if it does not say. */
  readonly trustsClient: boolean | undefined;
}

/** An open connection's two sides; `send` takes over the bytes. */
export interface WireConnection {
  readonly reader: WireReader;
  readonly send: (bytes: Uint8Array) => void | Promise<void>;
}

const maxInt = 2 ** 32 - 1;
const versionMask = 0xffff;
const featuresSince = protocolVersion(1, 38);
const daemonVersionSince = protocolVersion(1, 33);
const trustSince = protocolVersion(1, 35);

/**
 * The client's part in opening a connection. Log messages up to `last` or `error` follow. Throws
 * `wire/protocol-mismatch` or `wire/unsupported-version`.
 */
export async function openWorkerConnection(
  { reader, send }: WireConnection,
  offered: WorkerProtocol = latestWorkerProtocol,
): Promise<{ readonly protocol: WorkerProtocol; readonly daemon: DaemonInfo }> {
  const writer = new WireWriter();
  writer.number(clientMagic);
  writer.number(offered.version);
  await send(writer.take());

  if ((await reader.number(maxInt)) !== serverMagic) throw mismatch(reader, 'nix-daemon protocol mismatch');
  const theirs = (await reader.number(maxInt)) & versionMask;
  if (majorVersion(theirs) !== majorVersion(offered.version))
    throw unsupported(reader, 'Nix daemon protocol version not supported', theirs);
  const version = Math.min(theirs, offered.version);
  if (version < oldestWorkerVersion) throw unsupported(reader, 'the Nix daemon version is too old', theirs);

  const hasFeatures = version >= featuresSince;
  if (hasFeatures) writeFeatures(writer, offered.features);
  // Together, though an answer comes in between: that spares a way there and back.
  writer.number(0); // no CPU affinity, obsolete
  writer.number(0); // no space to reserve, obsolete
  await send(writer.take());
  const features = hasFeatures ? offered.features.intersection(await readFeatures(reader)) : new Set<ByteString>();
  const daemon = {
    version: version >= daemonVersionSince ? await reader.string() : undefined,
    trustsClient: version >= trustSince ? await readTrust(reader) : undefined,
  };
  return { protocol: { version, features }, daemon };
}

/**
 * The server's part in opening a connection; it goes on with log messages up to `last` or `error`. Throws
 * `wire/protocol-mismatch` or `wire/unsupported-version`.
 */
export async function acceptWorkerConnection(
  { reader, send }: WireConnection,
  daemon: DaemonInfo,
  offered: WorkerProtocol = latestWorkerProtocol,
): Promise<WorkerProtocol> {
  if ((await reader.number(maxInt)) !== clientMagic) throw mismatch(reader, 'protocol mismatch');
  const writer = new WireWriter();
  writer.number(serverMagic);
  writer.number(offered.version);
  await send(writer.take());

  const theirs = (await reader.number(maxInt)) & versionMask;
  const version = Math.min(theirs, offered.version);
  if (version < oldestWorkerVersion) throw unsupported(reader, 'the Nix client version is too old', theirs);

  let features: ReadonlySet<ByteString> = new Set();
  if (version >= featuresSince) {
    features = offered.features.intersection(await readFeatures(reader));
    writeFeatures(writer, offered.features);
    await send(writer.take());
  }
  if ((await reader.number(maxInt)) !== 0) await reader.number(maxInt); // CPU affinity, obsolete
  await reader.number(maxInt); // space to reserve, obsolete
  if (version >= daemonVersionSince) writer.string(daemon.version ?? byteStringFromText(''));
  if (version >= trustSince) writeTrust(writer, daemon.trustsClient);
  await send(writer.take());
  return { version, features };
}

async function readFeatures(reader: WireReader): Promise<Set<ByteString>> {
  return new Set(await reader.list(() => reader.string()));
}

function writeFeatures(writer: WireWriter, features: ReadonlySet<ByteString>): void {
  writer.list(Array.from(features).toSorted(), feature => writer.string(feature));
}

/** Throws `wire/bad-value`. */
async function readTrust(reader: WireReader): Promise<boolean | undefined> {
  const code = await reader.number();
  if (code <= 2) return code === 0 ? undefined : code === 1;
  throw new NixCompatError('wire/bad-value', 'Invalid trusted status from remote', { offset: reader.offset - 8 });
}

function writeTrust(writer: WireWriter, trusted: boolean | undefined): void {
  writer.number(trusted === undefined ? 0 : trusted ? 1 : 2);
}

function mismatch(reader: WireReader, message: string): NixCompatError {
  return new NixCompatError('wire/protocol-mismatch', `${message}: the other side does not speak it`, {
    offset: reader.offset - 8,
  });
}

function unsupported(reader: WireReader, message: string, version: ProtocolVersion): NixCompatError {
  return new NixCompatError('wire/unsupported-version', `${message} (it speaks ${formatProtocolVersion(version)})`, {
    offset: reader.offset - 8,
  });
}
