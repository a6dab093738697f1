/** What a `FileThread` runs on threads of their own: they answer every order of a message, in its turn. A bundle has this file beside it. */
import { parentPort } from 'node:worker_threads';
import { messageOf, unreachable } from '../../base/index.ts';
import { CastoreError } from '../error.ts';
import { type DraftPart, type DraftPlacing, DraftTable } from './draft-table.ts';
import type { FileOutcome, FileReply } from './file-thread.ts';
import { realFileSystem } from './file-system.ts';
import { type FileToMake, makeFile } from './make-file.ts';

/** What the thread is asked for. */
export type FileOrder =
  | { readonly kind: 'make'; readonly files: readonly FileToMake[] }
  /** To send to the disk what is new on the file system of `path`. */
  | { readonly kind: 'write back'; readonly path: string }
  /** The same, of the file system of `fd`, and to say whether it got there. */
  | { readonly kind: 'sync'; readonly fd: number }
  | { readonly kind: 'draft'; readonly part: DraftPart }
  | { readonly kind: 'place'; readonly placings: readonly DraftPlacing[] }
  | { readonly kind: 'discard'; readonly id: number; readonly path: string };

const drafts = new DraftTable(realFileSystem);

parentPort?.on('message', (orders: readonly FileOrder[]) => parentPort?.postMessage(orders.map(obey), []));

function obey(order: FileOrder): FileReply {
  switch (order.kind) {
    case 'make':
      return { outcomes: order.files.map(file => outcomeOf(() => makeFile(realFileSystem, file))) };
    case 'write back':
      writeBack(order.path);
      return { outcomes: [] };
    case 'sync':
      return { outcomes: [outcomeOf(() => (realFileSystem.syncFileSystem(order.fd) ? undefined : 'unsupported'))] };
    case 'draft': {
      let contents: FileReply['contents'];
      const outcome = outcomeOf(() => void (contents = drafts.write(order.part)));
      return { outcomes: [outcome], contents };
    }
    case 'place':
      return { outcomes: order.placings.map(placing => outcomeOf(() => drafts.place(placing))) };
    case 'discard':
      return { outcomes: [outcomeOf(() => drafts.discard(order.id, order.path))] };
    default:
      return unreachable(order);
  }
}

function outcomeOf(act: () => FileOutcome | void): FileOutcome {
  try {
    return act() ?? undefined;
  } catch (error) {
    // The clone of an error would have no more than its message.
    return {
      message: messageOf(error),
      castoreCode: error instanceof CastoreError ? error.code : undefined,
      properties: error instanceof Error ? Object.fromEntries(Object.entries(error)) : {},
    };
  }
}

/** What cannot be written is told to the commit, whose descriptor is older than the failure. */
function writeBack(path: string): void {
  try {
    const fd = realFileSystem.openSync(path, 'r');
    try {
      realFileSystem.syncFileSystem(fd);
    } finally {
      realFileSystem.closeSync(fd);
    }
  } catch {}
}
