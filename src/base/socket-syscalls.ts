/** System calls on sockets that Node has no function for. */
import { loadOnce, syscallFailure } from './ffi-library.ts';

const load = loadOnce(library => ({
  getsockopt: library.isLinux
    ? library.getFunction('getsockopt', { arguments: ['i32', 'i32', 'i32', 'buffer', 'buffer'], return: 'i32' })
    : undefined,
  socketpair: library.getFunction('socketpair', { arguments: ['i32', 'i32', 'i32', 'buffer'], return: 'i32' }),
  recvmsg: library.getFunction('recvmsg', { arguments: ['i32', 'buffer', 'i32'], return: 'i64' }),
  recv: library.getFunction('recv', { arguments: ['i32', 'buffer', 'u64', 'i32'], return: 'i64' }),
  yieldProcessor: library.getFunction('sched_yield', { arguments: [], return: 'i32' }),
  addressOf: library.addressOf,
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

/** Linux's AF_UNIX, SOCK_STREAM, SOCK_CLOEXEC, MSG_CMSG_CLOEXEC, SCM_RIGHTS. */
const unixDomain = 1;
const stream = 1;
const closeOnExec = 0o2000000;
const receivedCloseOnExec = 0x40000000;
const rights = 1;

/** Two unix-domain sockets that are connected to each other; both close when this process starts another. */
export function makeSocketPair(): readonly [number, number] {
  const { socketpair, errno } = load();
  const pair = new Int32Array(2);
  if (socketpair(unixDomain, stream | closeOnExec, 0, pair) !== 0) throw syscallFailure('socketpair', errno());
  const [a = -1, b = -1] = pair;
  return [a, b];
}

/**
 * The open file that the other end of the socket `fd` sends (SCM_RIGHTS in unix(7)); undefined where it sends none, or has
 * closed its end. Blocks until it does either. Machines of 64 bits.
 */
export function receiveDescriptor(fd: number): number | undefined {
  const { recvmsg, addressOf, errno } = load();
  const byte = Buffer.alloc(1);
  const vector = new BigUint64Array([addressOf(byte), 1n]);
  // A header of 16 bytes (length, level, type), then the descriptor, in a multiple of 8.
  const control = Buffer.alloc(24);
  const message = new BigUint64Array(7);
  message[2] = addressOf(vector);
  message[3] = 1n;
  message[4] = addressOf(control);
  message[5] = BigInt(control.byteLength);
  const count = Number(recvmsg(fd, message, receivedCloseOnExec));
  if (count < 0) throw syscallFailure('recvmsg', errno());
  const length = Number(message[5]);
  if (length < 20 || control.readInt32LE(8) !== socketLevel || control.readInt32LE(12) !== rights) return undefined;
  return control.readInt32LE(16);
}

/** MSG_DONTWAIT. */
const doNotWait = process.platform === 'linux' ? 0x40 : 0x80;

/** Looks again and again whether something has come on the socket `fd`, letting whoever else wants the processor have it. */
export class SocketWatch {
  readonly #calls = load();
  readonly #fd: number;
  readonly #buffer: Buffer;

  /** Up to `size` bytes are received at a time. */
  constructor(fd: number, size: number) {
    this.#fd = fd;
    this.#buffer = Buffer.allocUnsafeSlow(size);
  }

  /**
   * What has come, or comes before `performance.now()` is `deadline`: lent until the next call. Undefined where nothing does; also
   * at the end, and where the connection has failed, of which whoever else reads from the socket is told.
   */
  receive(deadline: number): Uint8Array | undefined {
    const { recv, yieldProcessor } = this.#calls;
    const buffer = this.#buffer;
    const size = BigInt(buffer.length);
    for (;;) {
      const count = Number(recv(this.#fd, buffer, size, doNotWait));
      if (count > 0) return buffer.subarray(0, count);
      if (count === 0 || performance.now() >= deadline) return undefined;
      yieldProcessor();
    }
  }
}
