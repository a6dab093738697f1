import { create } from '@bufbuild/protobuf';
import {
  type ReadResponse,
  type WriteRequest,
  ReadResponseSchema,
  WriteRequestSchema,
} from './generated/google/bytestream/bytestream_pb.ts';
import { byteStreamMethods } from './service-methods.ts';
import { fieldHead } from './field-head.ts';

const emptyBytes = new Uint8Array(0);
const decoder = new TextDecoder('utf-8', { fatal: true });

/** Field numbers and wire types as they begin a field. */
const nameTag = 0x0a;
const offsetTag = 0x10;
const finishTag = 0x18;
const writeDataTag = 0x52;
const readDataTag = 0x52;

/** What a message in the usual form says; undefined for any other form, which the generated code reads. */
function decodeUsualWrite(bytes: Uint8Array): WriteRequest | undefined {
  let resourceName = '';
  let writeOffset = 0n;
  let finishWrite = false;
  let data: Uint8Array = emptyBytes;
  for (let at = 0; at < bytes.byteLength;) {
    const tag = bytes[at++];
    if (tag === finishTag) {
      const value = bytes[at++];
      if (value !== 0 && value !== 1) return undefined;
      finishWrite = value === 1;
      continue;
    }
    let value = 0;
    let scale = 1;
    let byte: number | undefined;
    do {
      byte = bytes[at++];
      // More than 49 bits, or the end.
      if (byte === undefined || scale > 2 ** 42) return undefined;
      value += (byte & 127) * scale;
      scale *= 128;
    } while (byte > 127);
    if (tag === offsetTag) {
      writeOffset = BigInt(value);
      continue;
    }
    if ((tag !== nameTag && tag !== writeDataTag) || value > bytes.byteLength - at) return undefined;
    const field = bytes.subarray(at, at + value);
    at += value;
    if (tag === nameTag) resourceName = decoder.decode(field);
    else data = field;
  }
  return { $typeName: 'google.bytestream.WriteRequest', resourceName, writeOffset, finishWrite, data };
}

/** As the generated codec, in a fifth of the time; `data` is part of the bytes that are decoded. */
export const writeRequestCodec = {
  decode: (bytes: Uint8Array): WriteRequest => decodeUsualWrite(bytes) ?? byteStreamMethods.write.request.decode(bytes),
  encode: (message: WriteRequest): readonly Uint8Array[] => {
    const { data } = message;
    if (data.byteLength === 0) return [byteStreamMethods.write.request.encode(message)];
    const rest = byteStreamMethods.write.request.encode(create(WriteRequestSchema, { ...message, data: emptyBytes }));
    return [rest, fieldHead(writeDataTag, data.byteLength), data];
  },
};

/** As the generated codec, but that large data are not copied. */
export const readResponseCodec = {
  decode: (bytes: Uint8Array): ReadResponse => {
    // One field is all there is; anything else is read by the generated code.
    if (bytes.byteLength > 5 && bytes[0] === readDataTag) {
      let size = 0;
      let at = 1;
      for (let scale = 1; at < 6; at++, scale *= 128) {
        const byte = bytes[at] ?? 0;
        size += (byte & 127) * scale;
        if (byte < 128) break;
      }
      at++;
      if (at + size === bytes.byteLength)
        return { $typeName: 'google.bytestream.ReadResponse', data: bytes.subarray(at) };
    }
    return byteStreamMethods.read.response.decode(bytes);
  },
  encode: ({ data }: ReadResponse): readonly Uint8Array[] =>
    data.byteLength === 0 ? [] : [fieldHead(readDataTag, data.byteLength), data],
};

/** A `ReadResponse` without the cost of making one. */
export function readResponse(data: Uint8Array): ReadResponse {
  return { $typeName: ReadResponseSchema.typeName, data };
}
