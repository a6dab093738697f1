/**
 * grpc: gRPC over node:http2, server and client: framing, metadata, status, deadlines, flow control. Knows no service.
 *
 *     const echo = { path: '/example.Echo/Say', kind: 'unary', request: text, response: text } as const;
 *     await using server = new GrpcServer([unary(echo, request => request)]);
 *     const { port } = await server.listen({ transport: 'tcp', host: '127.0.0.1', port: 0 });
 *     await using client = new GrpcClient({ transport: 'tcp', host: '127.0.0.1', port });
 *     await client.unary(echo, 'hello', { timeout: 1000 });
 */
export {
  type CallSettings,
  type ClientOptions,
  type ClientTls,
  GrpcClient,
  type ServerAddress,
} from './grpc-client.ts';
export {
  type CallRecord,
  GrpcServer,
  type ListenAddress,
  type ServerLimits,
  type ServerOptions,
  type TlsIdentity,
  defaultServerLimits,
} from './grpc-server.ts';
export { GrpcStatus, statusNameOf } from './grpc-status.ts';
export {
  type BidiStreamingHandler,
  type ClientStreamingHandler,
  type RequestStream,
  type Route,
  type ServerCall,
  type ServerStreamingHandler,
  type UnaryHandler,
  bidiStreaming,
  clientStreaming,
  serverStreaming,
  unary,
} from './handlers.ts';
export { Metadata, type MetadataValues } from './metadata.ts';
export type {
  BidiStreamingMethod,
  ClientStreamingMethod,
  Codec,
  Method,
  MethodKind,
  ServerStreamingMethod,
  UnaryMethod,
} from './method.ts';
export type { Peer } from './peer.ts';
export { type StatusName, statusCodes } from './status-code.ts';
