import { randomBytes } from 'node:crypto';
import { create } from '@bufbuild/protobuf';
import { foreignDigestOf } from '../src/castore/index.ts';
import { GrpcClient } from '../src/grpc/index.ts';
import { ReadRequestSchema, WriteRequestSchema, byteStreamMethods } from '../src/proto/index.ts';
const [port, what, kib] = process.argv.slice(2);
const client = new GrpcClient({ transport: 'tcp', host: '127.0.0.1', port: Number(port) });
const size = 64 * 1024 * 1024;
const piece = Number(kib ?? 64) * 1024;
let last = '';
async function write() {
  const bytes = randomBytes(size);
  const { hash } = foreignDigestOf(bytes, 'sha256');
  const resourceName = `uploads/bench/blobs/${hash}/${size}`;
  const requests = function* () {
    for (let at = 0; at < size; at += piece)
      yield create(WriteRequestSchema, {
        resourceName: at === 0 ? resourceName : '',
        writeOffset: BigInt(at),
        data: bytes.subarray(at, at + piece),
        finishWrite: at + piece >= size,
      });
  };
  await client.clientStreaming(byteStreamMethods.write, requests());
  last = hash;
}
const t = performance.now();
if (what === 'write') for (let i = 0; i < 8; i++) await write();
else {
  await write();
  for (let i = 0; i < 12; i++) {
    let n = 0;
    for await (const { data } of client.serverStreaming(
      byteStreamMethods.read,
      create(ReadRequestSchema, { resourceName: `blobs/${last}/${size}` }),
    ))
      n += data.byteLength;
    if (n !== size) throw new Error('short');
  }
}
console.log('wall', performance.now() - t);
await client.close();
