import { FirnError, messageOf } from '../../../base/index.ts';
import { CastoreError } from '../../../castore/index.ts';
import { EngineError } from '../../../engine/index.ts';
import { GrpcStatus, type StatusName } from '../../../grpc/index.ts';
import { NixCompatError } from '../../../nix-compat/index.ts';
import { StoreError } from '../../../store/index.ts';

/** What the API has for failures of others, which are told within the response; the rest are errors of the call. */
export const toldInResponse: ReadonlySet<StatusName> = new Set<StatusName>([
  'deadlineExceeded',
  'notFound',
  'permissionDenied',
  'aborted',
  'resourceExhausted',
]);

/** What a client is told of a fetch that failed; undefined for what is no affair of the asset's. */
export function statusOfFetch(error: unknown): GrpcStatus | undefined {
  if (error instanceof GrpcStatus) return error;
  const told = (code: StatusName) => new GrpcStatus(code, messageOf(error), { cause: error });
  if (error instanceof DOMException && error.name === 'TimeoutError') {
    return new GrpcStatus('deadlineExceeded', 'the asset was not fetched in time', { cause: error });
  }
  if (error instanceof StoreError) {
    if (error.code === 'cache/missing-file') return told('notFound');
    if (error.code === 'cache/access-denied') return told('permissionDenied');
    return told('aborted');
  }
  if (error instanceof NixCompatError) return told('invalidArgument');
  if (error instanceof EngineError && error.code.startsWith('mirror/')) {
    return told(error.code === 'mirror/bad-url' ? 'invalidArgument' : 'notFound');
  }
  if (error instanceof CastoreError) {
    if (error.code === 'archive/too-large') return told('resourceExhausted');
    return error.code.startsWith('archive/') ? told('aborted') : undefined;
  }
  // What git says.
  return error instanceof FirnError && error.code === 'eval/error' ? told('aborted') : undefined;
}
