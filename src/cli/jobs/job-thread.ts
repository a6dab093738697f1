/** Reads the command line anew in a thread, where `eval-jobs` finds out that it is not on the main one (serve-jobs.ts). */
import { workerData } from 'node:worker_threads';
import { run } from '../run.ts';
import type { JobThreadSetup } from './job-messages.ts';

// oxlint-disable-next-line typescript/no-unsafe-type-assertion -- what JobThreads starts this thread with
const { argv } = workerData as JobThreadSetup;

// No top-level await: the bundle is CommonJS.
void run('firn', argv).then(status => process.exit(status));
