import { type DigestFunction, isHashOf } from '../../castore/index.ts';
import { GrpcStatus } from '../../grpc/index.ts';

/** What a path of the HTTP listener names. */
export type HttpResource =
  | { readonly kind: 'health' | 'metrics' }
  | {
      readonly kind: 'blob' | 'action-result';
      readonly instance: string;
      readonly function: DigestFunction;
      readonly hash: string;
      /** Whether it may be written: `/blobs` is for reading. */
      readonly isCache: boolean;
    };

/** By the length of the hash, as Bazel's cache over HTTP has it. */
const functionsByLength: Readonly<Record<number, DigestFunction>> = {
  64: 'sha256',
  40: 'sha1',
  96: 'sha384',
  128: 'sha512',
};

/**
 * `/[instance/]cas/HASH`, `/[instance/]ac/HASH`, `/blobs/sha256/HASH`, `/blobs/blake3/HASH`, `/health`, `/metrics`.
 * Undefined for anything else. Throws `invalidArgument` for what is no hash.
 */
export function parseHttpPath(url: string): HttpResource | undefined {
  const path = url.split('?', 1)[0] ?? '';
  if (path === '/health') return { kind: 'health' };
  if (path === '/metrics') return { kind: 'metrics' };
  const blob = /^\/blobs\/(sha256|blake3)\/([^/]*)$/.exec(path);
  if (blob !== null) {
    const [, name, hash = ''] = blob;
    const digestFunction = name === 'blake3' ? 'blake3' : 'sha256';
    return {
      kind: 'blob',
      instance: '',
      function: digestFunction,
      hash: checked(hash, digestFunction),
      isCache: false,
    };
  }
  const cache = /^\/(?:(.+)\/)?(cas|ac)\/([^/]*)$/.exec(path);
  if (cache === null) return undefined;
  const [, instance = '', kind, hash = ''] = cache;
  const digestFunction = functionsByLength[hash.length] ?? 'sha256';
  return {
    kind: kind === 'cas' ? 'blob' : 'action-result',
    instance,
    function: digestFunction,
    hash: checked(hash, digestFunction),
    isCache: true,
  };
}

function checked(hash: string, digestFunction: DigestFunction): string {
  if (isHashOf(digestFunction, hash)) return hash;
  throw new GrpcStatus('invalidArgument', `'${hash.slice(0, 160)}' is no ${digestFunction} in lower-case base16`);
}
