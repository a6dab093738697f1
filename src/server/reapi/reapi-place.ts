import type { LiveLogs } from '../../reapi/index.ts';
import type { Access } from '../access.ts';
import type { ServedBlobs } from './served-blobs.ts';

export interface ReapiLimits {
  /** In bytes: of the blobs of one batch together; gRPC's own default for a message is 4 MiB. */
  readonly batchSize: number;
  /** In bytes: of one blob. */
  readonly blobSize: number;
  /** In milliseconds: for which an upload may stand still before its call ends. It can be continued. */
  readonly stallTime: number;
}

/** Leaves room for what surrounds the blobs of a batch within the 4 MiB that clients receive by default. */
export const defaultReapiLimits: ReapiLimits = {
  batchSize: 4 * 1024 * 1024 - 64 * 1024,
  blobSize: 64 * 2 ** 30,
  stallTime: 120_000,
};

/** What the services of REAPI stand on, as the command line composes it. */
export interface ReapiPlace {
  readonly blobs: ServedBlobs;
  readonly access: Access;
  readonly limits: ReapiLimits;
  /** What actions write while they are executed here, if any are. */
  readonly logs?: LiveLogs | undefined;
}
