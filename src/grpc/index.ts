/**
 * grpc: gRPC over node:http2, server and client: framing, metadata, status, deadlines, flow control. Knows no service.
 */
export { type StatusName, statusCodes } from './status-code.ts';
