import type { ServerUsage, Workspace } from './comparison.ts';
import { startServer } from './server-process.ts';

/** A daemon over a store below a root folder of its own, at a socket. */
export interface Daemon extends Disposable {
  readonly socket: string;
  readonly usage: () => ServerUsage;
}

export interface DaemonOptions {
  /** Its `nix-daemon`. */
  readonly program: string;
  /** Where its store is, as `local?root=…` has it. */
  readonly root: string;
  readonly socket: string;
}

/** Starts a daemon that trusts us. */
export async function startDaemon(workspace: Workspace, { program, root, socket }: DaemonOptions): Promise<Daemon> {
  const env = {
    HOME: workspace.folder,
    NIX_REMOTE: `local?root=${root}`,
    NIX_DAEMON_SOCKET_PATH: socket,
    NIX_CONF_DIR: '/var/empty',
    NIX_CONFIG: 'build-users-group =\nsubstituters =\nexperimental-features = nix-command\ntrusted-users = *',
  };
  const server = await startServer([program], { env, at: socket });
  return { socket, usage: server.usage, [Symbol.dispose]: () => server[Symbol.dispose]() };
}
