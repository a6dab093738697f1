import { type ByteString, brandAs, displayBytes } from '../../base/index.ts';
import { NixCompatError } from '../error.ts';
import { excerpt } from '../excerpt.ts';
import { type ProtocolVersion, protocolVersion } from './protocol-version.ts';
import type { WireReader } from './wire-reader.ts';
import type { WireWriter } from './wire-writer.ts';

/** An error as one side of the worker protocol reports it to the other. */
export interface RemoteError {
  /** From 0 (error) to 7 (vomit). */
  readonly level: number;
  readonly message: ByteString;
  /** What was going on, the innermost first. */
  readonly traces: readonly ByteString[];
  /** The exit status it asks for. Sent only before 1.26, which sends neither level nor traces. */
  readonly status: number;
}

const tracesSince = protocolVersion(1, 26);

const maxInt = 2 ** 32 - 1;
const errorType = brandAs<ByteString>('Error');

/** Throws `wire/bad-error` for a type or a position that no Nix sends. */
export async function readRemoteError(reader: WireReader, version: ProtocolVersion): Promise<RemoteError> {
  if (version < tracesSince)
    return { level: 0, message: await reader.string(), traces: [], status: await reader.number(maxInt) };
  const type = await reader.string();
  if (type !== errorType) throw refuse(reader, `an error of the unknown type '${excerpt(displayBytes(type))}'`);
  const level = await reader.number(maxInt);
  await reader.string(); // a name, no longer used
  const message = await reader.string();
  await readNoPosition(reader);
  const traces = await reader.list(async () => {
    await readNoPosition(reader);
    return reader.string();
  });
  return { level, message, traces, status: 1 };
}

/** The format has a place for a position, but none was ever defined. */
async function readNoPosition(reader: WireReader): Promise<void> {
  if ((await reader.number()) !== 0) throw refuse(reader, 'an error with a position');
}

function refuse(reader: WireReader, what: string): NixCompatError {
  return new NixCompatError('wire/bad-error', `got ${what} from Nix daemon`, { offset: reader.offset });
}

export function writeRemoteError(writer: WireWriter, version: ProtocolVersion, error: RemoteError): void {
  if (version < tracesSince) {
    writer.string(error.message);
    writer.number(error.status);
    return;
  }
  writer.string(errorType);
  writer.number(error.level);
  writer.string(errorType); // a name, no longer used
  writer.string(error.message);
  writer.number(0); // no position
  writer.list(error.traces, trace => {
    writer.number(0); // no position
    writer.string(trace);
  });
}
