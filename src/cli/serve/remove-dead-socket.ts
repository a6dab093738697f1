import { lstatSync, rmSync } from 'node:fs';
import { connect } from 'node:net';
import { errnoOf } from '../../base/index.ts';

/**
 * Removes a socket that a server left which was killed: nobody listens there. One that answers stays, and everything that
 * is no socket.
 */
export async function removeDeadSocket(path: string): Promise<void> {
  if (lstatSync(path, { throwIfNoEntry: false })?.isSocket() !== true) return;
  const isDead = await new Promise<boolean>(resolve => {
    const probe = connect(path);
    probe.once('connect', () => {
      probe.destroy();
      resolve(false);
    });
    probe.once('error', error => resolve(errnoOf(error) === 'ECONNREFUSED'));
  });
  if (isDead) rmSync(path, { force: true });
}
