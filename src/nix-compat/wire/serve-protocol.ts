import { NixCompatError } from '../error.ts';
import { maxInt } from './wire-values.ts';
import { type ProtocolVersion, formatProtocolVersion, majorVersion, protocolVersion } from './protocol-version.ts';
import type { WireConnection } from './worker-handshake.ts';
import type { WireReader } from './wire-reader.ts';
import { WireWriter } from './wire-writer.ts';

const clientMagic = 0x390c9deb;
const serverMagic = 0x5452eecb;
const versionMask = 0xffff;

/** What C++ Nix 2.34 offers. */
export const latestServeVersion: ProtocolVersion = protocolVersion(2, 7);

/** The oldest server that C++ Nix 2.34, and Firn, still use. */
export const oldestServeVersion: ProtocolVersion = protocolVersion(2, 5);

/** The client's part in opening a connection. Throws `wire/protocol-mismatch` or `wire/unsupported-version`. */
export async function openServeConnection(
  { reader, send }: WireConnection,
  offered: ProtocolVersion = latestServeVersion,
): Promise<ProtocolVersion> {
  await send(greeting(clientMagic, offered));
  if ((await reader.number(maxInt)) !== serverMagic)
    throw new NixCompatError('wire/protocol-mismatch', "'nix-store --serve' protocol mismatch", { offset: 0 });
  const theirs = (await reader.number(maxInt)) & versionMask;
  if (majorVersion(theirs) === majorVersion(offered) && theirs >= oldestServeVersion) return Math.min(theirs, offered);
  throw new NixCompatError(
    'wire/unsupported-version',
    `unsupported 'nix-store --serve' protocol version ${formatProtocolVersion(theirs)}`,
    { offset: 8 },
  );
}

/** The server's part in opening a connection; any version is served. Throws `wire/protocol-mismatch`. */
export async function acceptServeConnection(
  { reader, send }: WireConnection,
  offered: ProtocolVersion = latestServeVersion,
): Promise<ProtocolVersion> {
  if ((await reader.number(maxInt)) !== clientMagic)
    throw new NixCompatError('wire/protocol-mismatch', 'protocol mismatch', { offset: 0 });
  await send(greeting(serverMagic, offered));
  return Math.min((await reader.number(maxInt)) & versionMask, offered);
}

function greeting(magic: number, version: ProtocolVersion): Uint8Array {
  const writer = new WireWriter();
  writer.number(magic);
  writer.number(version);
  return writer.take();
}

const commands = [
  ['QueryValidPaths', 1],
  ['QueryPathInfos', 2],
  ['DumpStorePath', 3],
  ['ImportPaths', 4], // used by Hydra alone
  ['BuildPaths', 6],
  ['QueryClosure', 7],
  ['BuildDerivation', 8],
  ['AddToStoreNar', 9],
] as const;

export type ServeCommand = (typeof commands)[number][0];

const numbers: ReadonlyMap<ServeCommand, number> = new Map(commands);
const names: ReadonlyMap<number, ServeCommand> = new Map(commands.map(([name, number]) => [number, name]));

/** The next request, or undefined where the client has closed the connection. Throws `wire/unknown-operation`. */
export async function readServeCommand(reader: WireReader): Promise<ServeCommand | undefined> {
  if (await reader.atEnd()) return undefined;
  reader.startMessage();
  const number = await reader.number();
  const name = names.get(number);
  if (name !== undefined) return name;
  throw new NixCompatError('wire/unknown-operation', `unknown serve command ${number}`, { offset: reader.offset - 8 });
}

export function writeServeCommand(writer: WireWriter, command: ServeCommand): void {
  writer.number(numbers.get(command) ?? 0);
}

/** How BuildPaths and BuildDerivation are to be done. */
export interface ServeBuildOptions {
  /** In seconds, as the next; 0 for no limit. */
  readonly maxSilentTime: number;
  readonly buildTimeout: number;
  /** In bytes; 0 for no limit. Since 2.2. */
  readonly maxLogSize: number;
  /** C++ Nix refuses all but 0. Since 2.3, as the next. */
  readonly repeats: number;
  readonly enforceDeterminism: boolean;
  /** Since 2.7. */
  readonly keepFailed: boolean;
}

const logSizeSince = protocolVersion(2, 2);
const repeatsSince = protocolVersion(2, 3);
const keepFailedSince = protocolVersion(2, 7);

/** What the version does not have is 0 or false. */
export async function readServeBuildOptions(reader: WireReader, version: ProtocolVersion): Promise<ServeBuildOptions> {
  return {
    maxSilentTime: await reader.number(maxInt),
    buildTimeout: await reader.number(maxInt),
    maxLogSize: version >= logSizeSince ? await reader.number() : 0,
    repeats: version >= repeatsSince ? await reader.number(maxInt) : 0,
    enforceDeterminism: version >= repeatsSince && (await reader.boolean()),
    keepFailed: version >= keepFailedSince && (await reader.boolean()),
  };
}

export function writeServeBuildOptions(writer: WireWriter, version: ProtocolVersion, options: ServeBuildOptions): void {
  writer.number(options.maxSilentTime);
  writer.number(options.buildTimeout);
  if (version >= logSizeSince) writer.number(options.maxLogSize);
  if (version >= repeatsSince) {
    writer.number(options.repeats);
    writer.boolean(options.enforceDeterminism);
  }
  if (version >= keepFailedSince) writer.boolean(options.keepFailed);
}
