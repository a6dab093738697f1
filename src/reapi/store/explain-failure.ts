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
      throw new StoreError('remote/unreachable', `cannot reach '${uri}': ${explained(why, message)}`, { cause: error });
    }
    const advice = error.code === 'unauthenticated' ? '; give a token with ?token-file=…' : '';
    throw new StoreError('remote/failed', `'${uri}' refused: ${message}${advice}`, { cause: error });
  }
}

/** Of certificates that nobody vouches for. */
const untrusted = new Set([
  'DEPTH_ZERO_SELF_SIGNED_CERT',
  'SELF_SIGNED_CERT_IN_CHAIN',
  'UNABLE_TO_GET_ISSUER_CERT',
  'UNABLE_TO_GET_ISSUER_CERT_LOCALLY',
  'UNABLE_TO_VERIFY_LEAF_SIGNATURE',
]);

function explained(why: unknown, message: string): string {
  if (!(why instanceof Error)) return message;
  if (!('code' in why && typeof why.code === 'string' && untrusted.has(why.code))) return why.message;
  // What follows is advice for programs of Node.
  const [what] = why.message.split(';');
  return `${what}: name who vouches for its certificate with ?tls-ca=FILE, or for all servers by the setting 'ssl-cert-file'`;
}
