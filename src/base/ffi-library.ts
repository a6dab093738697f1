/**
 * The C library of this process, and others that the system may have. `node:ffi` is experimental, so this is the only file that uses it; it is loaded at the
 * first call. On a system without it, calls throw `syscall/unavailable`.
 */
import type { DynamicLibrary } from 'node:ffi';
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

/** What the functions of a file of calls are made from, and how to tell what went wrong. */
export interface CLibrary {
  readonly getFunction: DynamicLibrary['getFunction'];
  /** Of the last call that failed on this thread. */
  readonly errno: () => number;
  /** Where `bytes` lie; they stay there while somebody holds them. */
  readonly addressOf: (bytes: NodeJS.ArrayBufferView) => bigint;
  readonly isLinux: boolean;
}

/** Loads functions once: `const load = loadOnce(library => ({ flock: library.getFunction(…) }))`. */
export function loadOnce<Functions>(
  make: (library: CLibrary) => Functions,
  open: () => CLibrary = openCLibrary,
): () => Functions {
  let loaded: { readonly functions: Functions } | undefined;
  return () => {
    try {
      loaded ??= { functions: make(open()) };
    } catch (error) {
      throw new SyscallError('syscall/unavailable', `this Node has no usable node:ffi: ${messageOf(error)}`, {
        cause: error,
      });
    }
    return loaded.functions;
  };
}

/** As `loadOnce`; what it gives is undefined on a system that lacks the library, its functions, or all such calls. */
export function loadIfThere<Functions>(
  make: (library: CLibrary) => Functions,
  open?: () => CLibrary,
): () => Functions | undefined {
  const load = loadOnce(make, open);
  let isMissing = false;
  return () => {
    if (isMissing) return undefined;
    try {
      return load();
    } catch (error) {
      if (!(error instanceof SyscallError)) throw error;
      isMissing = true;
      return undefined;
    }
  };
}

let opened: CLibrary | undefined;

function openCLibrary(): CLibrary {
  if (opened !== undefined) return opened;
  const ffi = process.getBuiltinModule('node:ffi');
  const isLinux = process.platform === 'linux';
  const library = new ffi.DynamicLibrary(isLinux ? null : '/usr/lib/libSystem.B.dylib');
  const errnoLocation = library.getFunction(isLinux ? '__errno_location' : '__error', {
    arguments: [],
    return: 'pointer',
  });
  opened = {
    getFunction: (name, signature) => library.getFunction(name, signature),
    errno: () => ffi.getInt32(errnoLocation(), 0),
    addressOf: bytes => ffi.getRawPointer(bytes),
    isLinux,
  };
  return opened;
}

/** Another library, by the name that the system's loader finds it by. Throws where it is not there. */
export function openLibrary(name: string): CLibrary {
  const library = new (process.getBuiltinModule('node:ffi').DynamicLibrary)(name);
  return { ...openCLibrary(), getFunction: (symbol, signature) => library.getFunction(symbol, signature) };
}

/** Its name: `ENOENT`. */
export function nameOfErrno(errno: number): string {
  return Object.entries(constants.errno).find(([, value]) => value === errno)?.[0] ?? `errno ${errno}`;
}

export function syscallFailure(call: string, errno: number): SyscallError {
  const name = nameOfErrno(errno);
  return new SyscallError('syscall/failed', `${call}: ${name}`, { errno: name });
}
