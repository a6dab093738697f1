/** Locks of single bytes of a file, which need not have them (F_OFD_SETLK in fcntl(2)). */
import { constants } from 'node:os';
import { loadFcntl } from './fcntl-syscall.ts';
import { syscallFailure } from './ffi-library.ts';

const setOwnLock = 37;
const exclusive = 1;

/** Whether the system has such locks. */
export function hasByteLocks(): boolean {
  return loadFcntl().isLinux;
}

/**
 * Tries to lock the byte at `offset` (at most 2^53) of a file that is open for writing as `fd`; false while it is locked by way
 * of another open file description, be it of this process. The lock ends with the description. Machines of 64 bits.
 */
export function tryLockByte(fd: number, offset: number): boolean {
  const { fcntl, addressOf, errno, isLinux } = loadFcntl();
  if (!isLinux) throw syscallFailure('fcntl', constants.errno.ENOSYS);
  // struct flock: the kind, from where `offset` counts (0, the start), the offset, the length, a process (0).
  const lock = Buffer.alloc(32);
  lock.writeInt16LE(exclusive, 0);
  lock.writeBigInt64LE(BigInt(offset), 8);
  lock.writeBigInt64LE(1n, 16);
  for (;;) {
    if (fcntl(fd, setOwnLock, addressOf(lock)) === 0) return true;
    const code = errno();
    if (code === constants.errno.EAGAIN || code === constants.errno.EACCES) return false;
    if (code !== constants.errno.EINTR) throw syscallFailure('fcntl', code);
  }
}
