import { create } from '@bufbuild/protobuf';
import { anyPack } from '@bufbuild/protobuf/wkt';
import { type FirnError, errnoOf, messageOf } from '../base/index.ts';
import { CastoreError, type CastoreErrorCode } from '../castore/index.ts';
import { ExecError } from '../exec/index.ts';
import { GrpcStatus, type StatusName, statusCodes } from '../grpc/index.ts';
import { PreconditionFailureSchema, type Status, StatusSchema, messageCodec } from '../proto/index.ts';
import { ReapiError, type ReapiErrorCode, blobResource } from '../reapi/index.ts';
import { ServerError } from './error.ts';

/** Codes of others mean `internal`: nothing that a client says brings them about. */
const castoreStatus: { readonly [code in CastoreErrorCode]?: StatusName } = {
  'digest/malformed': 'invalidArgument',
  'digest/mismatch': 'invalidArgument',
  'blob/missing': 'notFound',
  'blob/too-large': 'resourceExhausted',
  'blob/bad-range': 'outOfRange',
  'chunking/bad-parameters': 'invalidArgument',
  'directory/malformed': 'invalidArgument',
  'directory/not-canonical': 'invalidArgument',
  'directory/bad-name': 'invalidArgument',
  'directory/unsorted': 'invalidArgument',
  'directory/bad-symlink': 'invalidArgument',
  'directory/unsupported': 'invalidArgument',
  'directory/not-utf8': 'failedPrecondition',
  'directory/too-large': 'invalidArgument',
  'directory/too-many-entries': 'invalidArgument',
  'tree/too-deep': 'invalidArgument',
  'tree/too-many-nodes': 'invalidArgument',
  'git-object/malformed': 'invalidArgument',
  'git-object/unsupported': 'invalidArgument',
  'data-folder/busy': 'unavailable',
  'data-folder/full': 'resourceExhausted',
  'data-folder/corrupt': 'dataLoss',
};

const reapiStatus: { readonly [code in ReapiErrorCode]?: StatusName } = {
  'digest/malformed': 'invalidArgument',
  'digest/unknown-function': 'invalidArgument',
  'resource/malformed': 'invalidArgument',
  'compressor/unsupported': 'invalidArgument',
  'message/malformed': 'invalidArgument',
  'blobs/missing': 'failedPrecondition',
  'action/malformed': 'invalidArgument',
  'action/unsatisfiable': 'failedPrecondition',
  'action/bad-output': 'failedPrecondition',
  'action/timed-out': 'deadlineExceeded',
  'action/cancelled': 'cancelled',
  'action/too-much-output': 'resourceExhausted',
  'action/too-much-disk': 'resourceExhausted',
  'closure/unknown': 'failedPrecondition',
  'closure/other': 'failedPrecondition',
  'closure/refused': 'permissionDenied',
  'executor/unavailable': 'unavailable',
  'queue/full': 'resourceExhausted',
  'operation/unknown': 'notFound',
  'channel/refused': 'invalidArgument',
  // Not `notFound`: who asks for an execution takes that for one that the server has forgotten.
  'channel/unknown': 'failedPrecondition',
};

/**
 * What a client is told of an error: the one place where ours become gRPC's. What is nobody's fault but ours comes
 * without its message, which may name files of this machine.
 */
export function statusOfError(error: unknown): GrpcStatus {
  if (error instanceof GrpcStatus) return error;
  if (error instanceof CastoreError) return said(error, castoreStatus[error.code]);
  if (error instanceof ReapiError) return statusOfReapiError(error);
  if (error instanceof ServerError)
    return said(error, error.code === 'request/forbidden' ? 'permissionDenied' : 'invalidArgument');
  if (error instanceof ExecError) return said(error, 'unavailable');
  const errno = errnoOf(error);
  if (errno === 'ENOSPC' || errno === 'EDQUOT') {
    return new GrpcStatus('resourceExhausted', "the server's disk is full", { cause: error });
  }
  if (errno === 'EMFILE' || errno === 'ENFILE' || errno === 'ENOMEM') {
    return new GrpcStatus('unavailable', 'the server has too much to do at the moment', { cause: error });
  }
  if (error instanceof DOMException && error.name === 'AbortError') {
    return new GrpcStatus('cancelled', messageOf(error), { cause: error });
  }
  return new GrpcStatus('internal', 'an error of the server, which its log describes', { cause: error });
}

function statusOfReapiError(error: ReapiError): GrpcStatus {
  const code = reapiStatus[error.code] ?? 'internal';
  if (error.missing.length === 0) return new GrpcStatus(code, error.message, { cause: error });
  return new GrpcStatus(code, error.message, { cause: error, details: missingDetails(code, error) });
}

/** What is absent, as clients look for it: then they upload it and try again. */
function missingDetails(code: StatusName, { message, missing }: ReapiError): Uint8Array {
  const violations = missing.map(digest => ({ type: 'MISSING', subject: blobResource(digest) }));
  const failure = create(PreconditionFailureSchema, { violations });
  const details = [anyPack(PreconditionFailureSchema, failure)];
  return messageCodec(StatusSchema).encode(create(StatusSchema, { code: statusCodes[code], message, details }));
}

/** A status within a message. */
export function statusMessage(status: GrpcStatus): Status {
  if (status.details !== undefined) return messageCodec(StatusSchema).decode(status.details);
  return create(StatusSchema, { code: status.number, message: status.message });
}

function said(error: FirnError, code: StatusName = 'internal'): GrpcStatus {
  return new GrpcStatus(code, error.message, { cause: error });
}
