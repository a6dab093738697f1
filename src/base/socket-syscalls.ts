/** System calls on sockets that Node has no function for. */
import { loadOnce, syscallFailure } from './ffi-library.ts';

const load = loadOnce(library => ({
  getsockopt: library.isLinux
    ? library.getFunction('getsockopt', { arguments: ['i32', 'i32', 'i32', 'buffer', 'buffer'], return: 'i32' })
    : undefined,
  errno: library.errno,
}));

/** Linux's SOL_SOCKET and SO_PEERCRED. */
const socketLevel = 1;
const peerCredentials = 17;

/** Who is at the other end of a socket of this machine: what connected, as it was then. */
export interface Peer {
  readonly process: number;
  readonly user: number;
  readonly group: number;
}

/** Of the unix-domain socket `fd` (SO_PEERCRED in unix(7)); undefined where the system does not tell. */
export function peerOf(fd: number): Peer | undefined {
  const { getsockopt, errno } = load();
  if (getsockopt === undefined) return undefined;
  const credentials = new Uint32Array(3);
  const size = new Uint32Array([credentials.byteLength]);
  if (getsockopt(fd, socketLevel, peerCredentials, credentials, size) !== 0)
    throw syscallFailure('getsockopt', errno());
  const [process = 0, user = 0, group = 0] = credentials;
  return { process, user, group };
}
