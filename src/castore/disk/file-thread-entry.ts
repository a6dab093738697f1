/** What a `FileThread` runs on threads of their own: they answer every order, in its turn. A bundle has this file beside it. */
import { parentPort } from 'node:worker_threads';
import { messageOf, unreachable } from '../../base/index.ts';
import type { FileOutcome, FileOutcomes } from './file-thread.ts';
import { realFileSystem } from './file-system.ts';
import { type FileToMake, makeFile } from './make-file.ts';

/** What the thread is asked for. */
export type FileOrder =
  | { readonly kind: 'make'; readonly files: readonly FileToMake[] }
  /** To send to the disk what is new on the file system of `path`. */
  | { readonly kind: 'write back'; readonly path: string }
  /** The same, of the file system of `fd`, and to say whether it got there. */
  | { readonly kind: 'sync'; readonly fd: number };

parentPort?.on('message', (order: FileOrder) => parentPort?.postMessage(obey(order), []));

function obey(order: FileOrder): FileOutcomes {
  switch (order.kind) {
    case 'make':
      return order.files.map(file =>
        outcomeOf(() => {
          makeFile(realFileSystem, file);
          return undefined;
        }),
      );
    case 'write back':
      writeBack(order.path);
      return [];
    case 'sync':
      return [outcomeOf(() => (realFileSystem.syncFileSystem(order.fd) ? undefined : 'unsupported'))];
    default:
      return unreachable(order);
  }
}

function outcomeOf(act: () => FileOutcome): FileOutcome {
  try {
    return act();
  } catch (error) {
    // The clone of an error would have no more than its message.
    return {
      message: messageOf(error),
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
