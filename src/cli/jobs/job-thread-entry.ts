/**
 * A thread that evaluates jobs: the command line is read anew, and `eval-jobs` finds out that it is not on the main thread
 * (serve-jobs.ts). A bundle has this file beside it.
 */
import { workerData } from 'node:worker_threads';
import { run } from '../run.ts';
import type { JobThreadSetup } from './job-messages.ts';

// oxlint-disable-next-line typescript/no-unsafe-type-assertion -- what JobThreads starts this thread with
const { argv } = workerData as JobThreadSetup;

// No top-level await: the bundle is CommonJS.
void run('firn', argv).then(status => process.exit(status));
