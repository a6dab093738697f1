import { PassThrough } from 'node:stream';
import { type ByteChannel, StreamChannel } from '../store/index.ts';

/** The two ends of a connection in memory. */
export function connectChannels(): { readonly client: ByteChannel; readonly server: ByteChannel } {
  const [up, down] = [new PassThrough(), new PassThrough()];
  return { client: new StreamChannel(down, up), server: new StreamChannel(up, down) };
}
