import { connect } from 'node:net';
import { systemErrorText } from '../../base/index.ts';
import { StoreError } from '../error.ts';
import { StreamChannel } from '../remote/stream-channel.ts';

/** Throws `remote/unreachable`. */
export async function connectToSocket(path: string): Promise<StreamChannel> {
  const socket = connect({ path });
  await new Promise<void>((resolve, reject) => {
    socket.once('connect', resolve);
    socket.once('error', cause => {
      const message = `cannot connect to socket at '${path}': ${systemErrorText(cause)}`;
      reject(new StoreError('remote/unreachable', message, { cause }));
    });
  });
  return new StreamChannel(socket, socket);
}
