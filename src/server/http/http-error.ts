import type { GrpcStatus, StatusName } from '../../grpc/index.ts';
import { statusOfError } from '../status-of-error.ts';

const httpStatuses: { readonly [code in StatusName]?: number } = {
  invalidArgument: 400,
  unauthenticated: 401,
  permissionDenied: 403,
  notFound: 404,
  alreadyExists: 409,
  failedPrecondition: 412,
  outOfRange: 416,
  resourceExhausted: 507,
  cancelled: 499,
  deadlineExceeded: 504,
  unimplemented: 501,
  unavailable: 503,
};

/** What an error is over HTTP: as over gRPC, in the other numbers. */
export function httpErrorOf(error: unknown): { readonly status: number; readonly reason: GrpcStatus } {
  const reason = statusOfError(error);
  return { status: httpStatuses[reason.code] ?? 500, reason };
}
