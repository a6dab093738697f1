/**
 * The system calls that Node has no function for, through `node:ffi`. That module is experimental, so this is the only
 * file that uses it; it is loaded at the first call. On a system without it, calls throw `syscall/unavailable`.
 */
import { constants } from 'node:os';
import { FirnError, messageOf } from './errors.ts';

export class SyscallError extends FirnError<'syscall/unavailable' | 'syscall/failed'> {
  /** Symbolic error number (`EIO`) when the call was made and failed. */
  readonly errno: string | undefined;

  constructor(code: SyscallError['code'], message: string, options: ErrorOptions & { readonly errno?: string } = {}) {
    super(code, message, options);
    this.errno = options.errno;
  }
}

type Fd = number;

interface Functions {
  readonly flock: (fd: Fd, operation: number) => number;
  readonly syncfs: ((fd: Fd) => number) | undefined;
  readonly errno: () => number;
}

let loaded: Functions | undefined;

function load(): Functions {
  if (loaded !== undefined) return loaded;
  try {
    const ffi = process.getBuiltinModule('node:ffi');
    const linux = process.platform === 'linux';
    const errnoSymbol = linux ? '__errno_location' : '__error';
    const library = new ffi.DynamicLibrary(linux ? null : '/usr/lib/libSystem.B.dylib');
    const errnoLocation = library.getFunction(errnoSymbol, { arguments: [], return: 'pointer' });
    loaded = {
      flock: library.getFunction('flock', { arguments: ['i32', 'i32'], return: 'i32' }),
      syncfs: linux ? library.getFunction('syncfs', { arguments: ['i32'], return: 'i32' }) : undefined,
      errno: () => ffi.getInt32(errnoLocation(), 0),
    };
  } catch (error) {
    throw new SyscallError('syscall/unavailable', `this Node has no usable node:ffi: ${messageOf(error)}`, {
      cause: error,
    });
  }
  return loaded;
}

function errorName(errno: number): string {
  return Object.entries(constants.errno).find(([, value]) => value === errno)?.[0] ?? `errno ${errno}`;
}

function failure(call: string, errno: number): SyscallError {
  const name = errorName(errno);
  return new SyscallError('syscall/failed', `${call}: ${name}`, { errno: name });
}

/**
 * Writes everything of the file system that holds `fd` to its disk (syncfs(2)); false where the system lacks the call.
 * Errors of files written before are reported here (Linux 5.8 and newer).
 */
export function syncFileSystem(fd: Fd): boolean {
  const { syncfs, errno } = load();
  if (syncfs === undefined) return false;
  if (syncfs(fd) !== 0) throw failure('syncfs', errno());
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
    if (code !== constants.errno.EINTR) throw failure('flock', code);
  }
}

export function unlockFile(fd: Fd): void {
  const { flock, errno } = load();
  if (flock(fd, unlock) !== 0) throw failure('flock', errno());
}
