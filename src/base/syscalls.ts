/** The system calls on files that Node has no function for. */
import { constants } from 'node:os';
import { loadOnce, syscallFailure } from './ffi-library.ts';

type Fd = number;

const load = loadOnce(library => ({
  flock: library.getFunction('flock', { arguments: ['i32', 'i32'], return: 'i32' }),
  syncfs: library.isLinux ? library.getFunction('syncfs', { arguments: ['i32'], return: 'i32' }) : undefined,
  signal: library.getFunction('signal', { arguments: ['i32', 'u64'], return: 'u64' }),
  listAttributes: library.isLinux
    ? library.getFunction('flistxattr', { arguments: ['i32', 'u64', 'u64'], return: 'i64' })
    : undefined,
  ioctl: library.isLinux
    ? library.getFunction('ioctl', { arguments: ['i32', 'u64', 'buffer'], return: 'i32' })
    : undefined,
  errno: library.errno,
}));

/**
 * Writes everything of the file system that holds `fd` to its disk (syncfs(2)); false where the system lacks the call.
 * Errors of files written before are reported here (Linux 5.8 and newer).
 */
export function syncFileSystem(fd: Fd): boolean {
  const { syncfs, errno } = load();
  if (syncfs === undefined) return false;
  if (syncfs(fd) !== 0) throw syscallFailure('syncfs', errno());
  return true;
}

const operations = { shared: 1, exclusive: 2 } as const;
const nonBlocking = 4;
const unlock = 8;

/**
 * Tries to lock the open file `fd` (flock(2): the lock belongs to the open file description and ends with it); false
 * when somebody else holds it in a mode that excludes this one.
 */
export function tryLockFile(fd: Fd, mode: keyof typeof operations): boolean {
  const { flock, errno } = load();
  for (;;) {
    if (flock(fd, operations[mode] | nonBlocking) === 0) return true;
    const code = errno();
    if (code === constants.errno.EWOULDBLOCK) return false;
    if (code !== constants.errno.EINTR) throw syscallFailure('flock', code);
  }
}

export function unlockFile(fd: Fd): void {
  const { flock, errno } = load();
  if (flock(fd, unlock) !== 0) throw syscallFailure('flock', errno());
}

/** Whether an open file or folder has extended attributes, access control lists among them; undefined if that cannot be told. */
export function hasExtendedAttributes(fd: Fd): boolean | undefined {
  const { listAttributes, errno } = load();
  if (listAttributes === undefined) return undefined;
  const size = listAttributes(fd, 0n, 0n);
  if (size >= 0n) return size > 0n;
  return errno() === constants.errno.EOPNOTSUPP ? false : undefined;
}

/** Of ioctl_iflags(2), on machines whose words have 64 bits. */
const getFlags = 0x80086601n;
/** Set by the file system itself, on folders with many entries. */
const indexFlag = 0x1000;

/** What lsattr(1) shows of an open file or folder, as bits; none where the file system has no such flags. */
export function inodeFlags(fd: Fd): number {
  const { ioctl } = load();
  const flags = Buffer.alloc(8);
  return ioctl === undefined || ioctl(fd, getFlags, flags) !== 0 ? 0 : flags.readUInt32LE() & ~indexFlag;
}

/**
 * Has signals that Node ignores end this process again (signal(2)): for the moment before it becomes another program,
 * which would go on ignoring them.
 */
export function restoreSignals(): void {
  const { signal } = load();
  const { SIGPIPE, SIGXFSZ } = constants.signals;
  for (const number of [SIGPIPE, SIGXFSZ]) signal(number, 0n);
}
