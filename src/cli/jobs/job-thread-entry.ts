/**
 * A thread that evaluates jobs (job-thread.ts). What it runs is loaded from here, so that it is found compiled: threads do
 * not share the compile cache of the process. A bundle has both files beside it.
 */
import { enableCompileCache } from 'node:module';
import { workerData } from 'node:worker_threads';
import type { JobThreadSetup } from './job-messages.ts';

// oxlint-disable-next-line typescript/no-unsafe-type-assertion -- what JobThreads starts this thread with
const { compileCache, program } = workerData as JobThreadSetup;
if (compileCache !== undefined) enableCompileCache(compileCache);
void import(program);
