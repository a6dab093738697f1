/** Memory in large pages. Linux. */
import { SyscallError, loadOnce } from './ffi-library.ts';

const load = loadOnce(library => ({
  madvise: library.isLinux
    ? library.getFunction('madvise', { arguments: ['u64', 'u64', 'i32'], return: 'i32' })
    : undefined,
  addressOf: library.addressOf,
}));

/** MADV_HUGEPAGE. */
const hugePages = 14;

/**
 * Asks the system to back memory by large pages where it has them (madvise(2)): touching it for the first time then takes one
 * fault for 2 MiB instead of 512, which is a twentieth of an evaluation. Whether it does makes no other difference.
 */
export function preferHugePages(memory: ArrayBufferLike): void {
  try {
    const { madvise, addressOf } = load();
    const bytes = new Uint8Array(memory);
    madvise?.(addressOf(bytes), BigInt(bytes.byteLength), hugePages);
  } catch (error) {
    if (!(error instanceof SyscallError)) throw error;
  }
}
