import { type Peer, findGroup, findUser } from '../../base/index.ts';
import { CliError } from '../error.ts';
import type { InvocationSettings } from '../settings/invocation-settings.ts';

/** Who a client of the daemon is, and what it may do. */
export interface ClientAccess {
  /** Its name, or its number where it has none. */
  readonly user: string;
  /** Whether it may do what could harm other users of the store: it is one of `trusted-users`. */
  readonly isTrusted: boolean;
}

/**
 * What the settings `trusted-users` and `allowed-users` say of a client; `keeper`, a user who could do without us what we do
 * for it, is trusted in any case. Throws `daemon/refused` where neither names it, or where it is a build: those have no
 * business here.
 */
export function admitClient(peer: Peer, settings: InvocationSettings, keeper?: number): ClientAccess {
  const user = findUser(({ id }) => id === peer.user)?.name ?? String(peer.user);
  const group = findGroup(({ id }) => id === peer.group)?.name ?? String(peer.group);
  const isTrusted = peer.user === keeper || isAmong({ user, group }, settings.get('trusted-users'));
  const isAllowed = isTrusted || isAmong({ user, group }, settings.get('allowed-users'));
  if (!isAllowed || group === settings.get('build-users-group')) {
    throw new CliError('daemon/refused', `user '${user}' is not allowed to connect to the Nix daemon`);
  }
  return { user, isTrusted };
}

/** `*` are all, `@NAME` is a group: of the user's own, or one that lists it. */
function isAmong({ user, group }: { user: string; group: string }, names: readonly string[]): boolean {
  return names.some(name => {
    if (name === '*' || name === user) return true;
    if (!name.startsWith('@')) return false;
    const wanted = name.slice(1);
    return wanted === group || findGroup(known => known.name === wanted)?.members.includes(user) === true;
  });
}
