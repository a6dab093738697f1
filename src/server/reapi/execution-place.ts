import type { ActionCache, ActionChannels, ExecutionQueue } from '../../reapi/index.ts';
import type { ReapiPlace } from './reapi-place.ts';

/** What the services of results and executions stand on. */
export interface ExecutionPlace extends ReapiPlace {
  readonly cache: ActionCache;
  /** Undefined where nothing is executed. */
  readonly queue: ExecutionQueue | undefined;
  /** By which what is executed speaks with whoever wants it. */
  readonly channels: ActionChannels;
}
