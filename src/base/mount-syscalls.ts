/** Mounting and unmounting file systems (mount(2), umount2(2)). */
import { loadOnce, syscallFailure } from './ffi-library.ts';

const load = loadOnce(library => ({
  mount: library.getFunction('mount', { arguments: ['string', 'string', 'string', 'u64', 'string'], return: 'i32' }),
  umount2: library.getFunction('umount2', { arguments: ['string', 'i32'], return: 'i32' }),
  errno: library.errno,
}));

const readOnly = 1n;
const noSetuid = 2n;
const noDevices = 4n;
const noAccessTimes = 1024n;

export interface FileSystemMount {
  /** What /proc/mounts shows in front. */
  readonly source: string;
  readonly target: string;
  readonly type: string;
  /** The file system's own options, by commas. */
  readonly data: string;
}

/** Mounts a file system that can only be read, without set-user-id programs and devices. */
export function mountReadOnly({ source, target, type, data }: FileSystemMount): void {
  const { mount, errno } = load();
  const flags = readOnly | noSetuid | noDevices | noAccessTimes;
  if (mount(source, target, type, flags, data) !== 0) throw syscallFailure('mount', errno());
}

const detach = 2;
const noFollow = 8;

/**
 * Takes away what is mounted last at `target`. With `lazily` its name goes at once and the rest when nobody uses it any
 * more; else a file system in use is EBUSY.
 */
export function unmount(target: string, { lazily = false }: { readonly lazily?: boolean } = {}): void {
  const { umount2, errno } = load();
  if (umount2(target, noFollow | (lazily ? detach : 0)) !== 0) throw syscallFailure('umount', errno());
}
