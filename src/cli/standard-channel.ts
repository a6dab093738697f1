import { type ByteChannel, StreamChannel } from '../store/index.ts';

/** Standard input and output, for a protocol. */
export function openStandardChannel(): ByteChannel {
  return new StreamChannel(process.stdin, process.stdout);
}
