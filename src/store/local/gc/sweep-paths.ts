import type { Database } from '../../../castore/index.ts';
import { printStorePath } from '../../../nix-compat/index.ts';
import { type Collection, inBatches } from './collection.ts';
import type { PathGraph, PathMarks } from './path-graph.ts';

/** The dead among the paths of a snapshot. */
export interface DeadPaths {
  readonly graph: PathGraph;
  readonly marks: PathMarks;
}

/**
 * Deletes what is not marked, referrers first. Each batch begins with a look at what processes hold by now and at who
 * else refers to its paths, becomes invalid in one durable transaction, and then leaves the store directory: a crash
 * leaves checkouts that nobody counts on. False where `maxFreed` put an end to it.
 */
export async function sweepPaths(collection: Collection, dead: DeadPaths): Promise<boolean> {
  const { order, knot } = dead.graph.deadInOrder(dead.marks);
  let expected = 0;
  /** How many of the paths that begin at `start` can go before more is freed than was asked for. */
  const withinBudget = (start: number, size: number): number => {
    for (let count = 0; count < size; count++) {
      const path = dead.graph.pathAt(order[start + count] ?? 0);
      expected += collection.entries.measure(path);
      if (expected > collection.maxFreed) return count + 1;
    }
    return size;
  };
  await inBatches(collection, order, {
    select: (start, size) => {
      if (start >= knot) return order.length - start;
      const wanted = Math.min(size, knot - start);
      return collection.maxFreed === Infinity ? wanted : withinBudget(start, wanted);
    },
    work: batch => deleteBatch(collection, dead, batch),
    goOn: () => expected <= collection.maxFreed,
  });
  if (expected <= collection.maxFreed) return true;
  collection.reporter.log('info', `deleted more than ${collection.maxFreed} bytes; stopping`);
  return false;
}

function deleteBatch(collection: Collection, dead: DeadPaths, batch: readonly number[]): void {
  const { graph, marks } = dead;
  marks.markPaths(collection.temporary.update());
  const leaving = invalidateDead(collection, dead, batch);
  for (const node of leaving) {
    const path = graph.pathAt(node);
    if (collection.entries.remove(path) === 'kept') continue;
    collection.reporter.log('info', () => `deleting '${printStorePath(collection.storeDir, path)}'`);
    collection.deleted.push(path);
  }
}

/** Makes those of `batch` invalid that nobody needs, and returns them. */
function invalidateDead({ database }: Collection, { graph, marks }: DeadPaths, batch: readonly number[]): number[] {
  for (;;) {
    const leaving = batch.filter(node => !marks.isLive(node));
    // In the order of the rows, which are so found on the same pages.
    const rows = leaving.map(node => ({ id: graph.ids[node] ?? 0, path: graph.pathAt(node) }));
    rows.sort((a, b) => a.id - b.id);
    try {
      database.transaction(() => {
        for (const { id } of rows) database.run('DELETE FROM path_refs WHERE referrer = ?', id);
        // Fails for one that something refers to.
        for (const { id, path } of rows) database.run('DELETE FROM paths WHERE id = ? AND path = ?', id, path);
      });
      return leaving;
    } catch (error) {
      if (!isConstraint(error)) throw error;
      markReferred(database, { graph, marks }, leaving);
    }
  }
}

/** Marks those to which others refer that have come since the snapshot: those that it knew have left before, or leave now. */
function markReferred(database: Database, { graph, marks }: DeadPaths, batch: readonly number[]): void {
  const ids = new Set(batch.map(node => graph.ids[node]));
  let found = false;
  for (const node of batch) {
    const referrers = database.all('SELECT referrer FROM path_refs WHERE reference = ?', graph.ids[node] ?? 0);
    if (!referrers.some(({ referrer }) => !ids.has(Number(referrer)))) continue;
    marks.mark(node);
    found = true;
  }
  if (!found) throw new TypeError('no path of the batch has a referrer, yet one could not be deleted');
}

/** SQLITE_CONSTRAINT */
function isConstraint(error: unknown): boolean {
  return error instanceof Error && 'errcode' in error && (Number(error.errcode) & 0xff) === 19;
}
