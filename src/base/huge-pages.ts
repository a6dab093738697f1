/** Memory in large pages. Linux. */
import { loadIfThere } from './ffi-library.ts';

const load = loadIfThere(library => ({
  madvise: library.isLinux
    ? library.getFunction('madvise', { arguments: ['u64', 'u64', 'i32'], return: 'i32' })
    : undefined,
  addressOf: library.addressOf,
}));

/** MADV_HUGEPAGE. */
const hugePages = 14;

/** Where a range may begin, and where a large page does. */
const pageSize = 2n * 1024n ** 2n;

/**
 * Asks the system to back memory by large pages where it has them (madvise(2)): touching it for the first time then takes one
 * fault for 2 MiB instead of 512, which is a twentieth of an evaluation. Whether it does makes no other difference.
 */
export function preferHugePages(bytes: Uint8Array): void {
  const library = load();
  if (library?.madvise === undefined) return;
  const address = library.addressOf(bytes);
  const skipped = -address & (pageSize - 1n);
  library.madvise(address + skipped, BigInt(bytes.byteLength) - skipped, hugePages);
}
