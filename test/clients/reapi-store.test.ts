import { describe } from 'node:test';
import { ReapiServer, RemoteBlobStore } from '../../src/reapi/index.ts';
import { type BlobStoreGap, blobStoreSuite, openTestStore, storeSuite } from '../../src/testing/index.ts';
import { BuildboxCasd } from './buildbox-casd.ts';
import { Peer, unlessInstalled } from './peer.ts';
import { ServedFirn } from './served-firn.ts';

const casd = Peer.find('buildbox-casd');

/** A server, where it answers, and what ends it. */
interface Served extends AsyncDisposable {
  readonly grpc: string;
}

async function startCasd(): Promise<Served> {
  if (casd === undefined) throw new TypeError('buildbox-casd is not installed');
  const server = await BuildboxCasd.start(casd);
  return { grpc: server.address, [Symbol.asyncDispose]: () => server[Symbol.asyncDispose]() };
}

/** Everything that a server of remote execution is to us: a castore, and a store. */
function suites(name: string, start: () => Promise<Served>, gaps: readonly BlobStoreGap[] = []): void {
  const openBlobs = async () => {
    const served = await start();
    const [host = '', port] = served.grpc.split(':');
    const server = new ReapiServer({ address: { transport: 'tcp', host, port: Number(port) } });
    return {
      store: new RemoteBlobStore(server),
      [Symbol.asyncDispose]: async () => {
        await server[Symbol.asyncDispose]();
        await served[Symbol.asyncDispose]();
      },
    };
  };
  blobStoreSuite(`blobs in ${name}`, openBlobs, gaps);

  const open = async () => {
    const served = await start();
    const store = await openTestStore(`reapi://${served.grpc}`);
    return {
      store,
      [Symbol.asyncDispose]: async () => {
        await store[Symbol.asyncDispose]();
        await served[Symbol.asyncDispose]();
      },
    };
  };
  storeSuite(`store paths in ${name}`, open, ['bytes in names']);
}

describe('Firn as a client of itself', () => suites('firn serve', () => ServedFirn.start({ isHere: true })));

describe('Firn as a client of buildbox-casd', { skip: unlessInstalled(['buildbox-casd', casd]) }, () => {
  // It cuts or fills up what it has to the size that is asked for.
  suites('buildbox-casd', startCasd, ['sizes']);
});
