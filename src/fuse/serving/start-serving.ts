import type { Worker } from 'node:worker_threads';
import { startThread } from '../../base/index.ts';
import type { ServingSettings } from './messages.ts';

/** Starts the thread that answers the kernel. It does not end before it is told to, or the file system is unmounted. */
export function startServing(settings: ServingSettings): Worker {
  return startThread(import.meta.filename, 'serving-thread-entry', {
    name: 'serve files',
    workerData: settings,
    transferList: [settings.port],
  });
}
