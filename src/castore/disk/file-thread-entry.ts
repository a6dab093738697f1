/** What a `FileThread` runs on threads of their own: they answer every order, in its turn. A bundle has this file beside it. */
import { parentPort } from 'node:worker_threads';
import { messageOf } from '../../base/index.ts';
import type { FileFailure, FileOutcomes } from './file-thread.ts';
import { realFileSystem } from './file-system.ts';
import { type FileToMake, makeFile } from './make-file.ts';

function tryToMake(file: FileToMake): FileFailure | undefined {
  try {
    makeFile(realFileSystem, file);
    return undefined;
  } catch (error) {
    // The clone of an error would have no more than its message.
    return {
      message: messageOf(error),
      properties: error instanceof Error ? Object.fromEntries(Object.entries(error)) : {},
    };
  }
}

/** What the thread is asked for: files to make, or to send to the disk all that is new on the file system of `path`. */
export type FileOrder =
  | { readonly kind: 'make'; readonly files: readonly FileToMake[] }
  | { readonly kind: 'sync'; readonly path: string };

parentPort?.on('message', (order: FileOrder) => {
  if (order.kind === 'sync') sync(order.path);
  const outcomes: FileOutcomes = order.kind === 'make' ? order.files.map(tryToMake) : [];
  parentPort?.postMessage(outcomes, []);
});

/** What cannot be written is told to the commit, whose descriptor is older than the failure. */
function sync(path: string): void {
  try {
    const fd = realFileSystem.openSync(path, 'r');
    try {
      realFileSystem.syncFileSystem(fd);
    } finally {
      realFileSystem.closeSync(fd);
    }
  } catch {}
}
