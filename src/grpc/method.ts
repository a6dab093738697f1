/** A message's bytes and what they say. */
export interface Codec<T> {
  /** `bytes` may be kept: they are nobody else's. Whatever is thrown means that they are no such message. */
  decode(bytes: Uint8Array): T;
  /** The whole message, or pieces of it in order, which are sent as they are: who encodes large data need not copy it. */
  encode(value: T): Uint8Array | readonly Uint8Array[];
  /**
   * Whether whoever gets what was decoded is done with it when asking for the next one of its stream: the memory of large
   * messages is then used again.
   */
  readonly isLent?: boolean;
}

export type MethodKind = 'unary' | 'server-streaming' | 'client-streaming' | 'bidi-streaming';

/** One procedure of a service. */
export interface Method<Request, Response, Kind extends MethodKind = MethodKind> {
  /** `/package.Service/Method`. */
  readonly path: string;
  readonly kind: Kind;
  readonly request: Codec<Request>;
  readonly response: Codec<Response>;
}

export type UnaryMethod<Request, Response> = Method<Request, Response, 'unary'>;
export type ServerStreamingMethod<Request, Response> = Method<Request, Response, 'server-streaming'>;
export type ClientStreamingMethod<Request, Response> = Method<Request, Response, 'client-streaming'>;
export type BidiStreamingMethod<Request, Response> = Method<Request, Response, 'bidi-streaming'>;
