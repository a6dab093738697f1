import { chmodSync, mkdirSync, rmSync } from 'node:fs';
import { type Server, type Socket, createServer } from 'node:net';
import { dirname } from 'node:path';
import { systemErrorText } from '../../base/index.ts';
import { CliError } from '../error.ts';

/** Clients at a time; those beyond wait in the system's queue until one has left, and are then refused. */
const maxClients = 4096;

/** The first descriptor that systemd passes on (sd_listen_fds(3)). */
const firstPassed = 3;

/** Whether systemd listens at a socket for us. */
export function hasPassedSocket(): boolean {
  return process.env['LISTEN_FDS'] === '1' && process.env['LISTEN_PID'] === String(process.pid);
}

/**
 * Listens at `path` for clients of this machine, whoever they are; or, for `passed`, at the socket that systemd listens at
 * for us (LISTEN_FDS). What another daemon left there is replaced. Throws `serve/cannot-listen`.
 */
export async function listenAtSocket(
  path: string,
  accept: (socket: Socket) => void,
  { passed = false }: { readonly passed?: boolean } = {},
): Promise<AsyncDisposable> {
  const server = createServer({ allowHalfOpen: true }, accept);
  server.maxConnections = maxClients;
  try {
    if (passed) await listen(server, { fd: firstPassed });
    else {
      mkdirSync(dirname(path), { recursive: true, mode: 0o755 });
      rmSync(path, { force: true });
      await listen(server, { path });
      chmodSync(path, 0o666);
    }
  } catch (cause) {
    server.close();
    throw new CliError('serve/cannot-listen', `cannot listen at '${path}': ${systemErrorText(cause)}`, { cause });
  }
  return {
    // The server of a path removes it when it closes.
    [Symbol.asyncDispose]: () => new Promise<void>(resolve => server.close(() => resolve())),
  };
}

function listen(server: Server, at: { readonly path: string } | { readonly fd: number }): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(at, () => {
      server.off('error', reject);
      resolve();
    });
  });
}
