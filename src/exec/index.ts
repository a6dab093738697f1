/**
 * exec: an action (one process, and all that it may see) to its outcome. Knows neither Nix nor gRPC.
 *
 *     await using executor = new LocalExecutor();
 *     const outcome = await executor.run(action, { signal, output: chunk => log.write(chunk) });
 */
export type {
  Action,
  HostPlace,
  Limits,
  Mount,
  OutputKind,
  Personality,
  Place,
  Resources,
  Sandbox,
  UserIds,
} from './action.ts';
export { ExecError, type ExecErrorCode, execErrorCodes } from './error.ts';
export type { Executor, OutputStream, RunOptions } from './executor.ts';
export { findBubblewrap } from './find-bubblewrap.ts';
export { hasIds } from './known-ids.ts';
export { LocalExecutor } from './local-executor.ts';
export type { Outcome, ReachedLimit, Usage } from './outcome.ts';
export { findControllers } from './resources/find-controllers.ts';
