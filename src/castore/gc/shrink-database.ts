import type { Database } from '../disk/database.ts';

/** Pages of 8 KiB that a step gives back, in 100 ms or so. */
const pagesPerStep = 1000;

/** Fewer unused pages than these are kept for what comes next. */
const keptPages = 1024;

/**
 * Gives pages that rows no longer use back to the file system, once they are a quarter of the file, until they are an
 * eighth. Yields after each step, between which others can write.
 */
export function* shrinkDatabase(database: Database): Generator<undefined, void> {
  const count = (pragma: 'freelist_count' | 'page_count') => Number(database.get(`PRAGMA ${pragma}`)?.[pragma]);
  let unused = count('freelist_count');
  if (unused * 4 < count('page_count')) return;
  while (unused > keptPages && unused * 8 > count('page_count')) {
    database.all(`PRAGMA incremental_vacuum(${pagesPerStep})`);
    const left = count('freelist_count');
    if (left >= unused) return;
    unused = left;
    yield;
  }
}
