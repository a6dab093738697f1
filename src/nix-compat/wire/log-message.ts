import type { ByteString } from '../../base/index.ts';
import { NixCompatError } from '../error.ts';
import { type ProtocolVersion, protocolVersion } from './protocol-version.ts';
import { type RemoteError, readRemoteError, writeRemoteError } from './remote-error.ts';
import type { WireReader } from './wire-reader.ts';
import type { WireWriter } from './wire-writer.ts';

/**
 * What a daemon may send from the end of a request until it says `last` or `error`; only then comes its answer, if the
 * operation has one.
 */
export type LogMessage =
  /** A line, or more, to show. */
  | { readonly kind: 'next'; readonly text: ByteString }
  /** Asks for a string of at most `size` bytes of the data that the request is about. */
  | { readonly kind: 'read'; readonly size: number }
  /** Data that the request asked for. */
  | { readonly kind: 'write'; readonly data: Uint8Array }
  | { readonly kind: 'last' }
  | { readonly kind: 'error'; readonly error: RemoteError }
  | StartActivity
  | { readonly kind: 'stop-activity'; readonly id: bigint }
  | { readonly kind: 'result'; readonly id: bigint; readonly type: number; readonly fields: readonly LogField[] };

export interface StartActivity {
  readonly kind: 'start-activity';
  readonly id: bigint;
  /** From 0 (error) to 7 (vomit). */
  readonly level: number;
  /** One of `activityTypes`, or one that is newer. */
  readonly type: number;
  readonly text: ByteString;
  readonly fields: readonly LogField[];
  /** 0 if it has none. */
  readonly parent: bigint;
}

export type LogField = bigint | ByteString;

export const activityTypes = {
  unknown: 0,
  copyPath: 100,
  fileTransfer: 101,
  realise: 102,
  copyPaths: 103,
  builds: 104,
  build: 105,
  optimiseStore: 106,
  verifyPaths: 107,
  substitute: 108,
  queryPathInfo: 109,
  postBuildHook: 110,
  buildWaiting: 111,
  fetchTree: 112,
} as const;

export const resultTypes = {
  fileLinked: 100,
  buildLogLine: 101,
  untrustedPath: 102,
  corruptedPath: 103,
  setPhase: 104,
  progress: 105,
  setExpected: 106,
  postBuildLogLine: 107,
  fetchStatus: 108,
} as const;

/** How each message begins on the wire. */
const codes = {
  next: 0x6f6c6d67,
  read: 0x64617461,
  write: 0x64617416,
  last: 0x616c7473,
  error: 0x63787470,
  'start-activity': 0x53545254,
  'stop-activity': 0x53544f50,
  result: 0x52534c54,
} as const satisfies Record<LogMessage['kind'], number>;

const structuredSince = protocolVersion(1, 20);

/** Whether a peer of this version knows activities and their results. */
export function knowsActivities(version: ProtocolVersion): boolean {
  return version >= structuredSince;
}

/** Starts a message, for the limits of `reader`: what follows `last` counts to it. Throws `wire/unknown-message`. */
export async function readLogMessage(reader: WireReader, version: ProtocolVersion): Promise<LogMessage> {
  reader.startMessage();
  const code = await reader.number();
  switch (code) {
    case codes.next:
      return { kind: 'next', text: await reader.string() };
    case codes.read:
      return { kind: 'read', size: await reader.number() };
    case codes.write:
      return { kind: 'write', data: await reader.bytes() };
    case codes.last:
      return { kind: 'last' };
    case codes.error:
      return { kind: 'error', error: await readRemoteError(reader, version) };
    case codes['start-activity']:
      return readStartActivity(reader);
    case codes['stop-activity']:
      return { kind: 'stop-activity', id: await reader.bigint() };
    case codes.result:
      return {
        kind: 'result',
        id: await reader.bigint(),
        type: await reader.number(maxInt),
        fields: await readFields(reader),
      };
    default:
      throw new NixCompatError(
        'wire/unknown-message',
        `got unknown message type ${code.toString(16)} from Nix daemon`,
        { offset: reader.offset - 8 },
      );
  }
}

const maxInt = 2 ** 32 - 1;

async function readStartActivity(reader: WireReader): Promise<StartActivity> {
  return {
    kind: 'start-activity',
    id: await reader.bigint(),
    level: await reader.number(maxInt),
    type: await reader.number(maxInt),
    text: await reader.string(),
    fields: await readFields(reader),
    parent: await reader.bigint(),
  };
}

const numberField = 0;
const stringField = 1;

function readFields(reader: WireReader): Promise<LogField[]> {
  return reader.list<LogField>(async () => {
    const type = await reader.number(maxInt);
    if (type === numberField) return reader.bigint();
    if (type === stringField) return reader.string();
    throw new NixCompatError('wire/unknown-field', `got unsupported field type ${type.toString(16)} from Nix daemon`, {
      offset: reader.offset - 8,
    });
  });
}

/** For a peer that `knowsActivities`, if the message is about one. */
export function writeLogMessage(writer: WireWriter, version: ProtocolVersion, message: LogMessage): void {
  writer.number(codes[message.kind]);
  switch (message.kind) {
    case 'next':
      return writer.string(message.text);
    case 'read':
      return writer.number(message.size);
    case 'write':
      return writer.bytes(message.data);
    case 'last':
      return;
    case 'error':
      return writeRemoteError(writer, version, message.error);
    case 'start-activity':
      writer.bigint(message.id);
      writer.number(message.level);
      writer.number(message.type);
      writer.string(message.text);
      writeFields(writer, message.fields);
      return writer.bigint(message.parent);
    case 'stop-activity':
      return writer.bigint(message.id);
    case 'result':
      writer.bigint(message.id);
      writer.number(message.type);
      return writeFields(writer, message.fields);
  }
}

function writeFields(writer: WireWriter, fields: readonly LogField[]): void {
  writer.list(fields, field => {
    if (typeof field === 'bigint') {
      writer.number(numberField);
      writer.bigint(field);
    } else {
      writer.number(stringField);
      writer.string(field);
    }
  });
}
