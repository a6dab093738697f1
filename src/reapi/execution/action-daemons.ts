import type { UserIds } from '../../exec/index.ts';
import type { StorePath } from '../../nix-compat/index.ts';

/** Whoever gives actions a daemon of Nix, which knows nothing but what they see and what they have it make. */
export interface ActionDaemons {
  open(request: DaemonRequest): Promise<ActionDaemon>;
}

export interface DaemonRequest {
  /** Valid paths that the action sees. */
  readonly closure: ReadonlySet<StorePath>;
  /** Makes valid paths visible to the action. */
  readonly show: (paths: readonly StorePath[]) => Promise<void>;
  /** A folder of the action's own, which its owner can get through. */
  readonly folder: string;
  /** Who the action is outside of its sandbox, if not us. */
  readonly owner: UserIds | undefined;
  readonly signal: AbortSignal;
}

/** At disposal nothing goes on any more that the action has asked for. */
export interface ActionDaemon extends AsyncDisposable {
  /** On this machine. */
  readonly socket: string;
}

/** Where clients of Nix look for a daemon. */
export const daemonSocket = '/nix/var/nix/daemon-socket/socket';
