import {
  type DescMessage,
  type DescMethod,
  type MessageInitShape,
  type MessageShape,
  create,
  fromBinary,
  toBinary,
} from '@bufbuild/protobuf';

/** Messages of one type to bytes and back. `decode` throws on bytes that are none; what is encoded need not name every field. */
export interface MessageCodec<Desc extends DescMessage> {
  readonly decode: (bytes: Uint8Array) => MessageShape<Desc>;
  readonly encode: (message: MessageInitShape<Desc>) => Uint8Array;
}

/** A method of a service as gRPC calls it: the path of the request, who streams, and how messages become bytes. */
export interface ServiceMethod<Request extends DescMessage, Response extends DescMessage> {
  /** `/package.Service/Method` */
  readonly path: string;
  readonly kind: DescMethod['methodKind'];
  readonly request: MessageCodec<Request>;
  readonly response: MessageCodec<Response>;
}

export function messageCodec<Desc extends DescMessage>(schema: Desc): MessageCodec<Desc> {
  return {
    decode: bytes => fromBinary(schema, bytes),
    encode: message => toBinary(schema, create(schema, message)),
  };
}

export function serviceMethod<Request extends DescMessage, Response extends DescMessage>(
  method: DescMethod & { readonly input: Request; readonly output: Response },
): ServiceMethod<Request, Response> {
  return {
    path: `/${method.parent.typeName}/${method.name}`,
    kind: method.methodKind,
    request: messageCodec(method.input),
    response: messageCodec(method.output),
  };
}
