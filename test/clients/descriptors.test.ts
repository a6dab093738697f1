import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { type DescFile, fromBinary } from '@bufbuild/protobuf';
import { type FileDescriptorProto, FileDescriptorProtoSchema } from '@bufbuild/protobuf/wkt';
import { BinaryReader } from '@bufbuild/protobuf/wire';
import {
  ActionSchema,
  CodeSchema,
  FetchBlobRequestSchema,
  HealthCheckRequestSchema,
  OperationSchema,
  PreconditionFailureSchema,
  ReadRequestSchema,
  SemVerSchema,
  StatusSchema,
} from '../../src/proto/index.ts';
import { Peer, unlessInstalled } from './peer.ts';

const ours: readonly DescFile[] = [
  ActionSchema,
  SemVerSchema,
  OperationSchema,
  StatusSchema,
  ReadRequestSchema,
  CodeSchema,
  PreconditionFailureSchema,
  FetchBlobRequestSchema,
  HealthCheckRequestSchema,
].map(schema => schema.file);

/** Of the `syntax` of a file, which is written last. */
const lastField = 12;

/** What a C++ program has in it of a file that its messages were generated from; undefined where it has none. */
function embedded(program: Buffer, name: string): FileDescriptorProto | undefined {
  const file = `${name}.proto`;
  const start = program.indexOf(Buffer.concat([Buffer.of(0x0a, file.length), Buffer.from(file)]));
  if (start < 0) return undefined;
  const reader = new BinaryReader(program.subarray(start));
  // What a file has are messages and texts, which are length-delimited (2), and numbers.
  for (let field = 0; field !== lastField;) {
    const tag = reader.uint32();
    field = tag >>> 3;
    if ((tag & 7) === 2) reader.bytes();
    else reader.uint32();
  }
  return fromBinary(FileDescriptorProtoSchema, program.subarray(start, start + reader.pos));
}

/** `Message.field = number type label`, `Enum.VALUE = number`, and methods, of all that a file declares. */
function numbersOf(file: FileDescriptorProto): string[] {
  const lines: string[] = [];
  const addEnum = (prefix: string, { name, value }: FileDescriptorProto['enumType'][number]) => {
    for (const each of value) lines.push(`${prefix}${name}.${each.name} = ${each.number}`);
  };
  const addMessage = (prefix: string, message: FileDescriptorProto['messageType'][number]) => {
    const name = `${prefix}${message.name}.`;
    for (const { name: field, number, type, label, typeName } of message.field) {
      lines.push(`${name}${field} = ${number} ${type} ${label} ${typeName}`);
    }
    for (const each of message.enumType) addEnum(name, each);
    for (const each of message.nestedType) addMessage(name, each);
  };
  for (const each of file.enumType) addEnum('', each);
  for (const each of file.messageType) addMessage('', each);
  for (const { name, method } of file.service) {
    for (const { name: each, clientStreaming, serverStreaming, inputType, outputType } of method) {
      lines.push(`${name}.${each} ${clientStreaming} ${inputType} ${serverStreaming} ${outputType}`);
    }
  }
  return lines;
}

/** Messages that we have no use for, of files that we have; fields whose names were others in drafts. */
const leftOut = /^(?:(?:DebugInfo|Help|Help\.Link|RequestInfo)\.|CacheCapabilities\.blob_(?:split|splice)_support )/;

describe('our messages', () => {
  for (const name of ['justbuild', 'buildbox-casd']) {
    test(`are numbered as those of ${name}`, { skip: unlessInstalled([name, Peer.find(name)]) }, async () => {
      const read = await Peer.find('sh')?.run(['-c', `base64 -w 0 "$(command -v ${name})"`]);
      const program = Buffer.from(read?.output ?? '', 'base64');
      const compared: string[] = [];
      for (const file of ours) {
        const theirs = embedded(program, file.name);
        if (theirs === undefined) continue;
        compared.push(file.name);
        const known = new Set(numbersOf(file.proto));
        const differing = numbersOf(theirs).filter(line => !known.has(line) && !leftOut.test(line));
        assert.deepEqual(differing, [], file.name);
      }
      assert.ok(compared.length >= 5, compared.join(', '));
    });
  }
});
