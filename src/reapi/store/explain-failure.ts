import { GrpcStatus } from '../../grpc/index.ts';
import { StoreError } from '../../store/index.ts';

/** What `work` gives; where the server at `uri` cannot be reached or refuses, an error of stores that names it. */
export async function explainFailure<T>(uri: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (!(error instanceof GrpcStatus)) throw error;
    const { message, cause } = error;
    if (error.code === 'unavailable') {
      const why = cause instanceof Error && 'cause' in cause && cause.cause instanceof Error ? cause.cause : cause;
      const shown = why instanceof Error ? why.message : message;
      throw new StoreError('remote/unreachable', `cannot reach '${uri}': ${shown}`, { cause: error });
    }
    const advice = error.code === 'unauthenticated' ? '; give a token with ?token-file=…' : '';
    throw new StoreError('remote/failed', `'${uri}' refused: ${message}${advice}`, { cause: error });
  }
}
