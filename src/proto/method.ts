import { type DescMessage, type DescMethod, type MessageShape, fromBinary, toBinary } from '@bufbuild/protobuf';

/** Messages of one type to bytes and back. `decode` throws on bytes that are none; messages are made by `create`. */
export interface MessageCodec<Desc extends DescMessage> {
  readonly decode: (bytes: Uint8Array) => MessageShape<Desc>;
  readonly encode: (message: MessageShape<Desc>) => Uint8Array;
}

/** Who streams, in the words of `grpc`. */
const kinds = {
  unary: 'unary',
  server_streaming: 'server-streaming',
  client_streaming: 'client-streaming',
  bidi_streaming: 'bidi-streaming',
} as const;

type Kind = DescMethod['methodKind'];

/** A method of a service as gRPC calls it: the path of the request, who streams, and how messages become bytes. */
export interface ServiceMethod<
  Request extends DescMessage,
  Response extends DescMessage,
  MethodKind extends Kind = Kind,
> {
  /** `/package.Service/Method` */
  readonly path: string;
  readonly kind: (typeof kinds)[MethodKind];
  readonly request: MessageCodec<Request>;
  readonly response: MessageCodec<Response>;
}

export function messageCodec<Desc extends DescMessage>(schema: Desc): MessageCodec<Desc> {
  return {
    decode: bytes => fromBinary(schema, bytes),
    encode: message => toBinary(schema, message),
  };
}

export function serviceMethod<Request extends DescMessage, Response extends DescMessage, MethodKind extends Kind>(
  method: DescMethod & { readonly input: Request; readonly output: Response; readonly methodKind: MethodKind },
): ServiceMethod<Request, Response, MethodKind> {
  return {
    path: `/${method.parent.typeName}/${method.name}`,
    kind: kinds[method.methodKind],
    request: messageCodec(method.input),
    response: messageCodec(method.output),
  };
}
