/**
 * How many bytes go over the wire when a rebuilt closure is uploaded beside the one before: all of a first upload, and of
 * the second one those blobs that changed, whole and in chunks (`SpliceBlob`). Bytes are counted between client and server.
 *
 *     scripts/run bench/splice-closure.ts [--megabytes N]
 *
 * The closure is 200 MB in files of 20 KB to 40 MB that do not compress. Rebuilding it changes the store path that
 * every fifth of them names, in four places each, as a changed dependency does, and makes every eleventh a little longer.
 * Measured: 49.8 % of the closure go over the wire again as whole blobs, 3.8 % in chunks.
 */
import { createHash } from 'node:crypto';
import { type AddressInfo, type Socket, connect, createServer } from 'node:net';
import { ReapiServer, RemoteBlobStore } from '../src/reapi/index.ts';
import { ServedFirn } from '../test/clients/served-firn.ts';

const megabytes = Number(process.argv[process.argv.indexOf('--megabytes') + 1] || 200);

/** A relay that counts what it passes on to the server. */
async function countedTo(target: string) {
  const [host = '', port] = target.split(':');
  let sent = 0;
  const sockets = new Set<Socket>();
  const relay = createServer(client => {
    const server = connect(Number(port), host);
    for (const socket of [client, server]) {
      sockets.add(socket);
      socket.on('error', () => {});
    }
    client.on('data', (chunk: Buffer) => (sent += chunk.byteLength));
    client.pipe(server).pipe(client);
  });
  await new Promise<void>(resolve => {
    relay.listen(0, '127.0.0.1', resolve);
  });
  return {
    port: (relay.address() as AddressInfo).port,
    /** Bytes since the last time. */
    take: () => {
      const taken = sent;
      sent = 0;
      return taken;
    },
    [Symbol.asyncDispose]: async () => {
      for (const socket of sockets) socket.destroy();
      await new Promise(resolve => relay.close(resolve));
    },
  };
}

function noise(size: number, seed: string): Buffer {
  return createHash('shake256', { outputLength: size }).update(seed).digest();
}

/** The files of a closure, made one at a time: sizes double from 20 KB to 40 MB, over and over. */
function* closure(generation: number): Generator<Buffer> {
  let made = 0;
  for (let at = 0; made < megabytes * 1e6; at++) {
    const size = Math.min(20_000 * 2 ** (at % 12), megabytes * 1e6 - made);
    made += size;
    const bytes = noise(size, `file ${at}`);
    // Neither has a factor in common with the number of sizes: files of all sizes change.
    if (at % 5 === 0) {
      const path = Buffer.from(`/nix/store/${noise(16, `path ${generation}`).toString('hex')}-dependency`);
      for (let place = 0; place < 4; place++) path.copy(bytes, Math.floor((size * (place + 0.5)) / 4));
    }
    yield at % 11 === 0 ? Buffer.concat([bytes, noise(100 * generation, 'more')]) : bytes;
  }
}

async function upload(store: RemoteBlobStore, generation: number): Promise<void> {
  await using batch = store.batch();
  for (const file of closure(generation)) await batch.put(file);
  await batch.commit();
}

for (const splices of [false, true]) {
  await using firn = await ServedFirn.start({ isHere: true });
  await using relay = await countedTo(firn.grpc);
  await using server = new ReapiServer({ address: { transport: 'tcp', host: '127.0.0.1', port: relay.port } });
  const store = new RemoteBlobStore(server, { splices });
  await upload(store, 1);
  const first = relay.take();
  const started = performance.now();
  await upload(store, 2);
  const second = relay.take();
  const share = ((100 * second) / (megabytes * 1e6)).toFixed(1);
  const seconds = ((performance.now() - started) / 1000).toFixed(1);
  console.log(
    `${splices ? 'in chunks' : 'whole'}: ${first} bytes at first, ${second} again (${share} %, ${seconds} s)`,
  );
}
