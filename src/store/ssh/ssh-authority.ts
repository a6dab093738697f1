import { type ByteString, brandAs, displayBytes } from '../../base/index.ts';
import { parseUrl } from '../../nix-compat/index.ts';
import { StoreError } from '../error.ts';

/** Whom a store's URI names: `[user@]host[:port]`. */
export interface SshAuthority {
  readonly user: string | undefined;
  readonly host: string;
  readonly port: number | undefined;
}

/** Throws `store-uri/malformed` for names that ssh would take for something else, and `url/malformed`. */
export function parseSshAuthority(scheme: string, text: ByteString): SshAuthority {
  const { authority, path } = parseUrl(brandAs<ByteString>(`${scheme}://${text}`));
  const refuse = (reason: string) =>
    new StoreError('store-uri/malformed', `invalid SSH authority: '${displayBytes(text)}': ${reason}`);
  if (authority === undefined || authority.host === '') throw refuse('host name must not be empty');
  if (path.some(segment => segment !== '')) throw refuse('a store behind ssh has no path');
  const host = displayBytes(authority.host);
  const user = authority.user === undefined ? undefined : displayBytes(authority.user);
  if (user === '') throw refuse('user name must not be empty');
  if (user?.startsWith('-') === true) throw refuse(`user name '${user}' must not start with '-'`);
  if (host.startsWith('-')) throw refuse(`host name '${host}' must not start with '-'`);
  return { user, host, port: authority.port };
}
