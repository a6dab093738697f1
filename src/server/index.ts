/**
 * server: what other processes and machines are served by. A service speaks one protocol with one client over a channel:
 *
 *     await serveStore(new StreamChannel(process.stdin, process.stdout), served, { mayWrite: true });
 */
export { ServerError, type ServerErrorCode, serverErrorCodes } from './error.ts';
export type { BuildRequest, ServedStore, SubstitutablePath } from './served-store.ts';
export { type ServeOptions, serveStore } from './serve-service.ts';
export { type WorkerOptions, serveWorker } from './worker-service.ts';
