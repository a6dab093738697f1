/** Serves the data folder argv[2] by REAPI, for everybody, and says at which port. */
import { writeSync } from 'node:fs';
import { DiskBlobStore, Leases } from '../../src/castore/index.ts';
import { LocalExecutor } from '../../src/exec/index.ts';
import { GrpcServer } from '../../src/grpc/index.ts';
import {
  ActionCache,
  ActionChannels,
  ExecutionQueue,
  LocalActionExecutor,
  defaultActionSettings,
} from '../../src/reapi/index.ts';
import {
  Access,
  ServedBlobs,
  blobServices,
  defaultReapiLimits,
  executionServices,
  rights,
  statusOfError,
} from '../../src/server/index.ts';

const [folder = ''] = process.argv.slice(2);
const store = new DiskBlobStore(folder);
const cache = new ActionCache(store);
const executor = new LocalActionExecutor(store, new LocalExecutor(), defaultActionSettings('here', 3));
const access = new Access({
  instances: [''],
  anonymous: { instances: '*', rights },
  tokens: [],
  certificates: [],
});
const blobs = new ServedBlobs(store, new Leases(store.folder, { duration: 600 }));
const place = { blobs, access, limits: defaultReapiLimits };
const queue = new ExecutionQueue({ cache, executor });
const features = { execution: { minPriority: 0, maxPriority: 0 }, actionCache: true };
const routes = [
  ...blobServices(place, features).routes,
  ...executionServices({ ...place, cache, queue, channels: new ActionChannels() }),
];
const server = new GrpcServer(routes, { statusOf: statusOfError });
const { port } = await server.listen({ transport: 'tcp', host: '127.0.0.1', port: 0 });
writeSync(1, `${port}\n`);
