/** The system calls on files that Node has no function for. */
import { constants } from 'node:os';
import { loadOnce, syscallFailure } from './ffi-library.ts';

type Fd = number;

const load = loadOnce(library => ({
  flock: library.getFunction('flock', { arguments: ['i32', 'i32'], return: 'i32' }),
  syncfs: library.isLinux ? library.getFunction('syncfs', { arguments: ['i32'], return: 'i32' }) : undefined,
  signal: library.getFunction('signal', { arguments: ['i32', 'u64'], return: 'u64' }),
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

/**
 * Has signals that Node ignores end this process again (signal(2)): for the moment before it becomes another program,
 * which would go on ignoring them.
 */
export function restoreSignals(): void {
  const { signal } = load();
  const { SIGPIPE, SIGXFSZ } = constants.signals;
  for (const number of [SIGPIPE, SIGXFSZ]) signal(number, 0n);
}
